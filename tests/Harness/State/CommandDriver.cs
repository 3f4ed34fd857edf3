using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Memory;

namespace RaftKv.Tests.Harness.State;

/// <summary>Drives a <see cref="StateMachine"/> over an in-memory state as a log would: gives each command the next index, and time only as the test says.</summary>
public sealed class CommandDriver : IDisposable
{
    private readonly MemoryStateStore _store = new();
    private readonly PooledBuffer _command = new();
    private readonly PooledBuffer _result = new();

    public CommandDriver()
    {
        State = _store.Open(1);
        Machine = new StateMachine(State);
    }

    public IGroupState State { get; private set; }

    public StateMachine Machine { get; private set; }

    /// <summary>Timestamp of the next entries.</summary>
    public long Time { get; set; } = 1_000;

    /// <summary>Index of the last entry.</summary>
    public ulong Index => Machine.Applied.Index;

    /// <summary>Applies one command and returns its encoded result.</summary>
    public byte[] Apply(Action<PooledBuffer> encode, ulong session = 0, ulong sequence = 0, ulong acknowledgedBelow = 0)
    {
        _command.Clear();
        encode(_command);
        CommandEnvelope.Stamp(_command.WritableSpan, session, sequence, acknowledgedBelow);
        return ApplyRaw(_command.Span);
    }

    /// <summary>Applies bytes as they are.</summary>
    public byte[] ApplyRaw(ReadOnlySpan<byte> command)
    {
        Machine.Apply(new AppliedPosition(Index + 1, 1, 0), Time, command, _result);
        return _result.Span.ToArray();
    }

    /// <summary>Runs a query and returns its encoded result.</summary>
    public byte[] Query(Action<PooledBuffer> encode)
    {
        _command.Clear();
        encode(_command);
        Machine.Query(_command.Span, _result);
        return _result.Span.ToArray();
    }

    public ulong OpenSession() => new CommandResult(Apply(OpenSessionCommand.Encode)).Revision;

    /// <summary>Saves the sessions and goes on with a machine that loaded them, as after a restart.</summary>
    public void Restart()
    {
        Machine.SaveSessions();
        Machine.Dispose();
        Machine = new StateMachine(State);
    }

    /// <summary>Saves the sessions and goes on over a state that received the image of this one.</summary>
    public void MoveBySnapshot()
    {
        Machine.SaveSessions();
        var target = new MemoryStateStore().Open(State.Group);
        using (var reader = State.OpenSnapshot())
        using (var writer = target.BeginInstall())
        {
            using var chunk = new PooledBuffer();
            for (; reader.ReadChunk(chunk, 64); chunk.Clear())
                writer.Write(chunk.Span);
            writer.Complete(reader.Position);
        }
        State = target;
        Machine.Dispose();
        Machine = new StateMachine(State);
    }

    /// <summary>Hash of everything, sessions included.</summary>
    public ulong Hash()
    {
        Machine.SaveSessions();
        return State.ComputeHash();
    }

    /// <summary>All user records, expired ones included, in order.</summary>
    public List<(string Key, string Value, RecordHeader Header)> Records()
    {
        var records = new List<(string, string, RecordHeader)>();
        var (from, key, exclusive) = (new PooledBuffer(), new PooledBuffer(), false);
        using var value = new PooledBuffer();
        for (; State.TryGetNextKey(Keyspace.User, from.Span, exclusive, key); (from, key, exclusive) = (key, from, true))
        {
            value.Clear();
            State.Read(Keyspace.User, key.Span, value, out var header);
            records.Add((Convert.ToHexString(key.Span), Convert.ToHexString(value.Span), header));
        }
        from.Dispose();
        key.Dispose();
        return records;
    }

    public void Dispose()
    {
        Machine.Dispose();
        _store.Dispose();
        _command.Dispose();
        _result.Dispose();
    }
}
