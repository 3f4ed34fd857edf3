using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.Commands;

/// <summary>
/// What a command sees while it runs: the user keys as of state-machine time, and the result that it writes. One per state machine, used again for every entry.
/// Invariant: a record whose expiry has come is absent to every command; only <see cref="ExpireDueCommand"/> and overwriting take it away.
/// Invariant: a command changes nothing unless it runs for a log entry (<see cref="MayWrite"/>).
/// </summary>
internal sealed class CommandContext(IGroupState state) : IDisposable
{
    private UndoLog? _undo;

    /// <summary>The state under the commands.</summary>
    public IGroupState State { get; set; } = state;

    /// <summary>Index of the entry that is applied; for a query, the last applied one.</summary>
    public ulong Revision { get; private set; }

    /// <summary>State-machine time, milliseconds since the Unix epoch.</summary>
    public long Time { get; private set; }

    /// <summary>False for a query.</summary>
    public bool MayWrite { get; private set; }

    /// <summary>Where the result goes.</summary>
    public PooledBuffer Result { get; private set; } = null!;

    /// <summary>For commands to build values in; content does not survive the command.</summary>
    public PooledBuffer Scratch { get; } = new();

    /// <summary>For keys.</summary>
    public PooledBuffer KeyScratch { get; } = new();

    /// <summary>For the key after that in <see cref="KeyScratch"/>.</summary>
    public PooledBuffer NextKey { get; } = new();

    /// <summary>For a value while <see cref="Scratch"/> is taken.</summary>
    public PooledBuffer ValueScratch { get; } = new();

    /// <summary>Sets what the next commands run for.</summary>
    public void Begin(ulong revision, long time, bool mayWrite, PooledBuffer result) =>
        (Revision, Time, MayWrite, Result) = (revision, time, mayWrite, result);

    /// <summary>Whether a record counts as absent.</summary>
    public bool IsExpired(in RecordHeader header) => header.ExpireAt != 0 && Time > header.ExpireAt;

    /// <summary>Appends a live record's value to <paramref name="value"/>; if there is none, what was appended is undefined and the header zero.</summary>
    public bool TryRead(ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header)
    {
        var length = value.Length;
        if (State.Read(Keyspace.User, key, value, out header) && !IsExpired(header))
            return true;
        value.SetLength(length);
        header = default;
        return false;
    }

    /// <summary>The header of a live record; zero if there is none.</summary>
    public bool TryGetHeader(ReadOnlySpan<byte> key, out RecordHeader header)
    {
        if (State.TryGetHeader(Keyspace.User, key, out header) && !IsExpired(header))
            return true;
        header = default;
        return false;
    }

    /// <summary>Writes a record of this revision; one that would already be expired is removed instead.</summary>
    public void Write(ReadOnlySpan<byte> key, Expiry expiry, in RecordHeader before, ReadOnlySpan<byte> value)
    {
        var expireAt = expiry.Resolve(Time, before.ExpireAt);
        // A time of 0 or less is a time in the past, not "never".
        if (expiry.IsTime && expireAt <= Time)
        {
            Remove(key);
            return;
        }
        _undo?.Remember(State, key);
        State.Write(Keyspace.User, key, new RecordHeader(Revision, expireAt), value);
    }

    /// <summary>Removes a record; true if a live one was there.</summary>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        var existed = TryGetHeader(key, out _);
        _undo?.Remember(State, key);
        State.Remove(Keyspace.User, key);
        return existed;
    }

    /// <summary>From here on changes can be taken back by <see cref="RollBack"/>.</summary>
    public void BeginUndo(UndoLog undo)
    {
        undo.Clear();
        _undo = undo;
    }

    /// <summary>Changes are final.</summary>
    public void EndUndo() => _undo = null;

    /// <summary>Takes back every change since <see cref="BeginUndo"/>.</summary>
    public void RollBack()
    {
        Invariant.That(_undo is not null, "rolled back without an undo log");
        _undo.Restore(State);
        _undo = null;
    }

    /// <summary>Whether the changes made now can be taken back.</summary>
    public bool HasUndo => _undo is not null;

    /// <summary>Writes a result's head; its body may follow.</summary>
    public void Reply(ResultStatus status, ulong revision)
    {
        Result.WriteByte((byte)status);
        Result.WriteUInt64(revision);
    }

    /// <inheritdoc cref="Reply(ResultStatus, ulong)"/>
    public void Reply(ResultStatus status) => Reply(status, Revision);

    /// <summary>Writes a whole result: Ok and a number.</summary>
    public void ReplyNumber(long number)
    {
        Reply(ResultStatus.Ok);
        Result.WriteInt64(number);
    }

    /// <summary>Replies TooLarge and returns true if a key or value is longer than the format allows.</summary>
    public bool RefusesSize(int keyLength, long valueLength)
    {
        if (keyLength <= CommandLimits.KeyCeiling && valueLength <= CommandLimits.ValueCeiling)
            return false;
        Reply(ResultStatus.TooLarge);
        return true;
    }

    public void Dispose()
    {
        Scratch.Dispose();
        KeyScratch.Dispose();
        NextKey.Dispose();
        ValueScratch.Dispose();
    }
}
