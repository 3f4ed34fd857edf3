using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Tests.Harness.Store;

/// <summary>
/// A group's state with something between its caller and it: a test runs what another thread would run at exactly that place, instead of hoping that a thread does, or breaks a call.
/// Each hook is called once and then forgotten.
/// </summary>
public class InterposedState(IGroupState state) : IGroupState
{
    /// <summary>Runs before the next read of a user record.</summary>
    public Action? BeforeRead { get; set; }

    /// <summary>Runs after the next read of a user record, before its caller has the answer.</summary>
    public Action? AfterRead { get; set; }

    /// <summary>Runs after the next write of a user record.</summary>
    public Action? AfterWrite { get; set; }

    /// <summary>A call that reads, writes or removes this user key throws, as a defect would.</summary>
    public virtual byte[]? Poison { get; set; }

    /// <summary>So many calls on user records from now, counted down, the next one throws; 0: none does.</summary>
    public int DefectIn { get; set; }

    public uint Group => state.Group;

    public AppliedPosition Applied => state.Applied;

    public long EarliestExpiry => state.EarliestExpiry;

    public bool Read(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header)
    {
        if (space != Keyspace.User)
            return state.Read(space, key, value, out header);
        Taste(key);
        var (before, after) = (BeforeRead, AfterRead);
        (BeforeRead, AfterRead) = (null, null);
        before?.Invoke();
        var found = state.Read(space, key, value, out header);
        after?.Invoke();
        return found;
    }

    public bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header)
    {
        if (space == Keyspace.User)
            Taste(key);
        return state.TryGetHeader(space, key, out header);
    }

    public void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
    {
        if (space == Keyspace.User)
            Taste(key);
        state.Write(space, key, header, value);
        if (space != Keyspace.User)
            return;
        var after = AfterWrite;
        AfterWrite = null;
        after?.Invoke();
    }

    public bool Remove(Keyspace space, ReadOnlySpan<byte> key)
    {
        if (space == Keyspace.User)
            Taste(key);
        return state.Remove(space, key);
    }

    public Action Clear(Keyspace space) => state.Clear(space);

    public RecordMark Mark(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer copy) => state.Mark(space, key, copy);

    public void Restore(Keyspace space, ReadOnlySpan<byte> key, in RecordMark mark, ReadOnlySpan<byte> copied) => state.Restore(space, key, mark, copied);

    public void CompleteEntry(AppliedPosition position) => state.CompleteEntry(position);

    public long Count(Keyspace space) => state.Count(space);

    public bool TryGetNextKey(Keyspace space, ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key) => state.TryGetNextKey(space, from, exclusive, key);

    public bool TryGetKeyAt(Keyspace space, long position, PooledBuffer key) => state.TryGetKeyAt(space, position, key);

    public bool TryGetExpired(long time, PooledBuffer key, out Keyspace space) => state.TryGetExpired(time, key, out space);

    public ulong ComputeHash() => state.ComputeHash();

    public ISnapshotReader OpenSnapshot() => state.OpenSnapshot();

    public ISnapshotWriter BeginInstall() => state.BeginInstall();

    private void Taste(ReadOnlySpan<byte> key)
    {
        if ((DefectIn > 0 && --DefectIn == 0) || (Poison is { } poison && key.SequenceEqual(poison)))
            throw new InvalidOperationException("a defect (injected)");
    }
}
