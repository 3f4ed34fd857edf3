using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Execution;

/// <summary>
/// What a command sees while it runs: the user keys as of state-machine time, and the result that it writes. One per state machine, used again for every entry.
/// Invariant: a record whose expiry has come is absent to every command; only <c>ExpireDueCommand</c> and overwriting take it away.
/// Invariant: a command changes nothing unless it runs for a log entry (<see cref="MayWrite"/>).
/// Invariant: once a ceiling of <see cref="CommandLimits"/> would be passed, nothing more is read or written, whatever the command goes on to ask for; who runs it takes back what it did.
/// What is counted is a function of the entries before, so that all replicas come to the same end.
/// </summary>
internal sealed class CommandContext(IGroupState state) : IDisposable
{
    private UndoLog? _undo;
    private long _readBytes;
    private long _writtenBytes;
    private int _accesses;

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
    public void Begin(ulong revision, long time, bool mayWrite, PooledBuffer result)
    {
        (Revision, Time, MayWrite, Result) = (revision, time, mayWrite, result);
        (_readBytes, _writtenBytes, _accesses, IsExceeded) = (0, 0, 0, false);
        (HasChanged, _undo) = (false, null);
    }

    /// <summary>Whether a ceiling would have been passed: what the command does from here on has no effect.</summary>
    public bool IsExceeded { get; private set; }

    /// <summary>The first ceiling that would have been passed.</summary>
    public CommandBound Exceeded { get; private set; }

    /// <summary>Whether the state may have been changed since <see cref="Begin"/> in a way that <see cref="RollBack"/> does not take back.</summary>
    public bool HasChanged { get; private set; }

    /// <summary>Bytes read so far, for commands that stop by themselves before a ceiling makes them.</summary>
    public long ReadBytes => _readBytes;

    /// <summary>Notes that a ceiling would be passed.</summary>
    public void Exceed(CommandBound bound)
    {
        if (!IsExceeded)
            Exceeded = bound;
        IsExceeded = true;
    }

    /// <summary>Counts one more record that is looked up or changed, or command of a batch; false if it is one too many.</summary>
    public bool CountAccess()
    {
        if (!IsExceeded && ++_accesses > CommandLimits.AccessCeiling)
            Exceed(CommandBound.Accesses);
        return !IsExceeded;
    }

    /// <summary>Whether the result, as far as it is written, may be that long.</summary>
    public bool CheckResult()
    {
        if (Result.Length > CommandLimits.ResultCeiling)
            Exceed(CommandBound.Result);
        return !IsExceeded;
    }

    /// <summary>Whether a record counts as absent.</summary>
    public bool IsExpired(in RecordHeader header) => header.ExpireAt != 0 && Time > header.ExpireAt;

    /// <summary>Appends a live record's value to <paramref name="value"/>; if there is none, what was appended is undefined and the header zero.</summary>
    public bool TryRead(ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header)
    {
        header = default;
        if (!CountAccess())
            return false;
        var length = value.Length;
        var found = State.Read(Keyspace.User, key, value, out header);
        // Expired or not: it was read.
        if (CountRead(key.Length + (long)value.Length - length) && found && !IsExpired(header))
            return true;
        value.SetLength(length);
        header = default;
        return false;
    }

    /// <summary>The header of a live record; zero if there is none.</summary>
    public bool TryGetHeader(ReadOnlySpan<byte> key, out RecordHeader header)
    {
        header = default;
        if (CountAccess() && CountRead(key.Length) && State.TryGetHeader(Keyspace.User, key, out header) && !IsExpired(header))
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
        if (!CountAccess() || !CountWritten(key.Length + (long)value.Length))
            return;
        _undo?.Remember(State, key, Revision);
        State.Write(Keyspace.User, key, new RecordHeader(Revision, expireAt), value);
        // Not before: a store that throws a defect has refused the record, and changed nothing.
        HasChanged |= _undo is null;
    }

    /// <summary>Removes a record; true if a live one was there.</summary>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        var existed = TryGetHeader(key, out _);
        RemoveRecord(key);
        return existed && !IsExceeded;
    }

    /// <summary>Removes a record, live or not.</summary>
    public void RemoveRecord(ReadOnlySpan<byte> key)
    {
        if (!CountAccess() || !CountWritten(key.Length))
            return;
        _undo?.Remember(State, key, Revision);
        State.Remove(Keyspace.User, key);
        HasChanged |= _undo is null;
    }

    /// <summary>Removes all user records; returns how many there were.</summary>
    public long RemoveAll()
    {
        if (!CountAccess())
            return 0;
        var count = State.Count(Keyspace.User);
        var bringBack = State.Clear(Keyspace.User);
        _undo?.RememberClear(bringBack);
        HasChanged |= _undo is null;
        return count;
    }

    /// <summary>From here on changes can be taken back by <see cref="RollBack"/>.</summary>
    public void BeginUndo(UndoLog undo)
    {
        undo.Clear();
        _undo = undo;
    }

    /// <summary>Changes are final.</summary>
    public void EndUndo()
    {
        _undo?.Clear();
        _undo = null;
    }

    /// <summary>Whether changes can be taken back.</summary>
    public bool HasUndo => _undo is not null;

    /// <summary>From here on something changes that nothing takes back.</summary>
    public void BeginFinal() => HasChanged = true;

    /// <summary>Takes back every change since <see cref="BeginUndo"/>.</summary>
    public void RollBack()
    {
        Invariant.That(_undo is not null, "rolled back without an undo log");
        _undo.Restore(State);
    }

    /// <summary>Writes a result's head; its body may follow.</summary>
    public void Reply(ResultStatus status, ulong revision)
    {
        Result.WriteByte((byte)status);
        Result.WriteUInt64(revision);
    }

    /// <inheritdoc cref="Reply(ResultStatus, ulong)"/>
    public void Reply(ResultStatus status) => Reply(status, Revision);

    /// <summary>Replaces whatever is written of the result: LimitExceeded, and the ceiling.</summary>
    public void ReplyExceeded()
    {
        Result.Clear();
        Reply(ResultStatus.LimitExceeded);
        Result.WriteByte((byte)Exceeded);
    }

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

    /// <summary>Gives large scratch memory back to the pool, so that one command with large values does not keep it for ever.</summary>
    public void Trim()
    {
        Trim(Scratch);
        Trim(ValueScratch);
    }

    private static void Trim(PooledBuffer buffer)
    {
        if (buffer.Length > 1 << 20)
            buffer.Dispose();
    }

    private bool CountRead(long bytes)
    {
        if ((_readBytes += bytes) > CommandLimits.ReadCeiling)
            Exceed(CommandBound.Reads);
        return !IsExceeded;
    }

    private bool CountWritten(long bytes)
    {
        if ((_writtenBytes += bytes) > CommandLimits.WriteCeiling)
            Exceed(CommandBound.Writes);
        return !IsExceeded;
    }

    public void Dispose()
    {
        Scratch.Dispose();
        KeyScratch.Dispose();
        NextKey.Dispose();
        ValueScratch.Dispose();
    }
}
