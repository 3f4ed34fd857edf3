using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>One group of an <see cref="ObservedStore"/>. The system's own records are left out: when sessions are saved differs from node to node.</summary>
internal sealed class ObservedGroup : IGroupState
{
    private readonly IGroupState _state;
    private readonly ulong _node;
    private readonly StateChains _chains;
    private ulong _chain;

    // What the entry that is being applied has done so far.
    private ulong _entry;

    public ObservedGroup(IGroupState state, ulong node, StateChains chains)
    {
        (_state, _node, _chains) = (state, node, chains);
        chains.OnInstalled(node, state.Group, state.Applied);
        _chain = chains.At(state.Group, state.Applied.Index);
    }

    public uint Group => _state.Group;

    public AppliedPosition Applied => _state.Applied;

    public long EarliestExpiry => _state.EarliestExpiry;

    public bool Read(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header)
    {
        try
        {
            return _state.Read(space, key, value, out header);
        }
        catch (InvalidOperationException)
        {
            OnDefect();
            throw;
        }
    }

    public bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header)
    {
        try
        {
            return _state.TryGetHeader(space, key, out header);
        }
        catch (InvalidOperationException)
        {
            OnDefect();
            throw;
        }
    }

    public void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
    {
        Note(space, 1, key, header.Revision ^ (ulong)header.ExpireAt, value);
        try
        {
            _state.Write(space, key, header, value);
        }
        catch (InvalidOperationException)
        {
            OnDefect();
            throw;
        }
    }

    public RecordMark Mark(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer copy) => _state.Mark(space, key, copy);

    // Not noted: what takes an entry back may differ from node to node, what it leaves may not, which images show.
    public void Restore(Keyspace space, ReadOnlySpan<byte> key, in RecordMark mark, ReadOnlySpan<byte> copied) => _state.Restore(space, key, mark, copied);

    public bool Remove(Keyspace space, ReadOnlySpan<byte> key)
    {
        Note(space, 2, key, 0, default);
        try
        {
            return _state.Remove(space, key);
        }
        catch (InvalidOperationException)
        {
            OnDefect();
            throw;
        }
    }

    public Action Clear(Keyspace space)
    {
        Note(space, 3, default, 0, default);
        return _state.Clear(space);
    }

    public void CompleteEntry(AppliedPosition position)
    {
        _state.CompleteEntry(position);
        _chain = Mix(Mix(Mix(_chain, _entry), position.Index), position.Term);
        _entry = 0;
        _chains.OnApplied(_node, Group, position, _chain);
    }

    public long Count(Keyspace space) => _state.Count(space);

    public bool TryGetNextKey(Keyspace space, ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key) => _state.TryGetNextKey(space, from, exclusive, key);

    public bool TryGetKeyAt(Keyspace space, long position, PooledBuffer key) => _state.TryGetKeyAt(space, position, key);

    public bool TryGetExpired(long time, PooledBuffer key, out Keyspace space) => _state.TryGetExpired(time, key, out space);

    public ulong ComputeHash() => _state.ComputeHash();

    public ISnapshotReader OpenSnapshot()
    {
        _chains.OnImage(_node, Group, Applied, HashOfUsers(), "taken");
        return _state.OpenSnapshot();
    }

    public ISnapshotWriter BeginInstall() => new Installation(this, _state.BeginInstall());

    /// <summary>A defect that a script made: the entry will be taken back, and have done nothing.</summary>
    private void OnDefect() => _entry = 0;

    private ulong HashOfUsers()
    {
        var hash = 0UL;
        using var key = new PooledBuffer();
        using var value = new PooledBuffer();
        for (var found = _state.TryGetNextKey(Keyspace.User, [], exclusive: false, key); found; found = _state.TryGetNextKey(Keyspace.User, key.Span.ToArray(), exclusive: true, key))
        {
            value.Clear();
            _state.Read(Keyspace.User, key.Span, value, out var header);
            hash = Mix(Mix(Mix(hash, Crc32C.Compute(key.Span)), header.Revision ^ (ulong)header.ExpireAt), Crc32C.Compute(value.Span));
        }

        return hash;
    }

    private static ulong Mix(ulong chain, ulong fact) => ((chain ^ fact) * 0x9E3779B97F4A7C15) ^ (chain >> 29);

    private void Note(Keyspace space, ulong what, ReadOnlySpan<byte> key, ulong header, ReadOnlySpan<byte> value)
    {
        if (space == Keyspace.User)
            _entry = Mix(Mix(Mix(Mix(_entry, what), Crc32C.Compute(key)), header), Crc32C.Compute(value));
    }

    private sealed class Installation(ObservedGroup group, ISnapshotWriter writer) : ISnapshotWriter
    {
        public void Write(ReadOnlySpan<byte> chunk) => writer.Write(chunk);

        public void Complete(AppliedPosition position)
        {
            writer.Complete(position);
            group._chains.OnInstalled(group._node, group.Group, position);
            group._chain = group._chains.At(group.Group, position.Index);
            group._chains.OnImage(group._node, group.Group, position, group.HashOfUsers(), "installed");
        }

        public void Dispose() => writer.Dispose();
    }
}
