using System.Buffers;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// Where a client's replies go: to it, or nowhere, because it asked for none (CLIENT REPLY) or is gone. Used by its connection alone.
/// Invariant: between commands the writer points to the client; only from <see cref="Begin()"/> to <see cref="End"/> may it point elsewhere.
/// </summary>
internal sealed class ReplyChannel
{
    private enum ReplyMode
    {
        On,
        Off,
        SkipNext,
        Skip,
    }

    private IBufferWriter<byte> _output = DiscardingWriter.Instance;
    private ReplyMode _mode;

    /// <summary>Writes replies.</summary>
    public RespWriter Writer { get; } = new(DiscardingWriter.Instance);

    /// <summary>Whether the client asked for no reply to the command that is executed.</summary>
    public bool IsSilent => _mode is ReplyMode.Off or ReplyMode.Skip;

    /// <summary>Replies go to the client.</summary>
    public void Connect(IBufferWriter<byte> output)
    {
        _output = output;
        End();
    }

    /// <summary>Replies go nowhere from now on.</summary>
    public void Disconnect() => Connect(DiscardingWriter.Instance);

    /// <summary>CLIENT REPLY ON. Takes effect at once: the command itself is answered.</summary>
    public void TurnOn()
    {
        _mode = ReplyMode.On;
        if (Writer.Output is DiscardingWriter)
            Writer.Output = _output;
    }

    /// <summary>CLIENT REPLY OFF.</summary>
    public void TurnOff() => _mode = ReplyMode.Off;

    /// <summary>CLIENT REPLY SKIP: neither this command nor the next is answered.</summary>
    public void SkipNext()
    {
        if (_mode != ReplyMode.Off)
            _mode = ReplyMode.SkipNext;
    }

    /// <summary>As a new connection's.</summary>
    public void Reset()
    {
        Writer.Protocol = 2;
        _mode = ReplyMode.On;
    }

    /// <summary>Points the writer to where the reply of the command that is executed is to go; <see cref="End"/> points it back.</summary>
    public void Begin() => Begin(IsSilent);

    /// <summary>The same for the reply of a command that was executed before.</summary>
    public void Begin(bool silent) => Writer.Output = silent ? DiscardingWriter.Instance : _output;

    /// <summary>Points the writer back to the client.</summary>
    public void End() => Writer.Output = _output;

    /// <summary>To be called after each command.</summary>
    public void AfterCommand()
    {
        if (_mode == ReplyMode.Skip)
            _mode = ReplyMode.On;
        else if (_mode == ReplyMode.SkipNext)
            _mode = ReplyMode.Skip;
    }
}
