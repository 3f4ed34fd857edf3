using System.Buffers;
using RaftKv.Consensus.Groups;
using RaftKv.Server.Resp.Commands;

namespace RaftKv.Server.Resp;

/// <summary>What one client has set, and its MULTI. Used by its connection; CLIENT LIST reads names from other connections, which are replaced whole.</summary>
internal sealed class RespSession : IDisposable
{
    private enum ReplyMode
    {
        On,
        Off,
        SkipNext,
        Skip,
    }

    private ReplyMode _replies;
    private long _commandBegan;

    public RespSession(RespServer server, long id, string remoteAddress, string localAddress, RespWriter writer)
    {
        Server = server;
        Id = id;
        RemoteAddress = remoteAddress;
        LocalAddress = localAddress;
        Writer = writer;
        Since = server.Clock.GetUtcNow();
    }

    public RespServer Server { get; }

    /// <summary>Unique on this node since its start.</summary>
    public long Id { get; }

    public string RemoteAddress { get; }

    public string LocalAddress { get; }

    public RespWriter Writer { get; }

    /// <summary>Where replies go unless the client asked for none.</summary>
    public IBufferWriter<byte> Output { get; set; } = DiscardingWriter.Instance;

    public DateTimeOffset Since { get; }

    /// <summary>Bytes that its connection holds, as far as it told <see cref="ClientMemory"/>.</summary>
    public long Held { get; set; }

    /// <summary>When the command that is still arriving began, by the server's clock; null when there is none.</summary>
    public long? CommandBegan
    {
        get => Volatile.Read(ref _commandBegan) is var began and not 0 ? began : null;
        set => Volatile.Write(ref _commandBegan, value ?? 0);
    }

    /// <summary>Whether the server has given its connection up.</summary>
    public bool IsEvicted { get; private set; }

    /// <summary>How to end its connection at once.</summary>
    public Action? OnDisconnect { get; set; }

    /// <summary>Ends its connection without another word, from any thread.</summary>
    public void Disconnect()
    {
        IsEvicted = true;
        OnDisconnect?.Invoke();
    }

    /// <summary>CLIENT SETNAME; printable and without spaces.</summary>
    public string Name { get; set; } = "";

    public string LibraryName { get; set; } = "";

    public string LibraryVersion { get; set; } = "";

    public MultiExec MultiExec { get; } = new();

    /// <summary>Set by QUIT: the connection ends after the reply.</summary>
    public bool WantsToClose { get; set; }

    /// <summary>Commands answered so far.</summary>
    public long Commands { get; private set; }

    /// <summary>The time in the group of a key: what its expiry is judged by.</summary>
    public GroupTime TimeOf(ReadOnlySpan<byte> key) => Server.Executor.TimeOf(Server.Router.Route(key));

    /// <summary>Whether the client asked for no reply to the command that is executed.</summary>
    public bool IsSilent => _replies is ReplyMode.Off or ReplyMode.Skip;

    /// <summary>Takes effect at once: the command itself is answered.</summary>
    public void RepliesOn()
    {
        _replies = ReplyMode.On;
        if (Writer.Output is DiscardingWriter)
            Writer.Output = Output;
    }

    public void RepliesOff() => _replies = ReplyMode.Off;

    public void SkipNextReply()
    {
        if (_replies != ReplyMode.Off)
            _replies = ReplyMode.SkipNext;
    }

    /// <summary>Points the writer to where the reply of a command is to go; <see cref="EndReply"/> points it back.</summary>
    public void BeginReply(bool silent) => Writer.Output = silent ? DiscardingWriter.Instance : Output;

    public void EndReply() => Writer.Output = Output;

    /// <summary>To be called after each command.</summary>
    public void AfterCommand()
    {
        Commands++;
        if (_replies == ReplyMode.Skip)
            _replies = ReplyMode.On;
        else if (_replies == ReplyMode.SkipNext)
            _replies = ReplyMode.Skip;
    }

    /// <summary>RESET: as a new connection.</summary>
    public void Reset()
    {
        Writer.Protocol = 2;
        Name = "";
        _replies = ReplyMode.On;
        MultiExec.Discard();
    }

    public void Dispose() => MultiExec.Dispose();
}
