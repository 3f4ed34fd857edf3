using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.HybridLog;

namespace RaftKv.Engine.Store.Faster;

/// <summary>One group's keys in a <see cref="FasterStateStore"/>. See <see cref="IGroupState"/> for what may be called from where.</summary>
/// <remarks>
/// Invariant: the two spaces are replaced together, by one reference: a reader sees the keys of one image only.
/// A reader that finds nothing looks whether the spaces were replaced meanwhile, and then looks again: the old ones' records may be gone.
/// </remarks>
internal sealed class FasterGroupState : IGroupState, IDisposable
{
    private readonly FasterStateStore _store;
    private readonly PublishedPosition _applied = new();
    private readonly PooledBuffer _scratch = new();
    private readonly PooledBuffer _other = new();
    private StoreSpace[] _spaces;

    public FasterGroupState(FasterStateStore store, uint group, AppliedPosition applied, StoreSpace system, StoreSpace user)
    {
        _store = store;
        Group = group;
        _applied.Value = applied;
        _spaces = [system, user];
    }

    /// <inheritdoc/>
    public uint Group { get; }

    /// <inheritdoc/>
    public AppliedPosition Applied => _applied.Value;

    /// <summary>The incarnations that hold the keys now.</summary>
    public IReadOnlyList<StoreSpace> Spaces => _spaces;

    /// <inheritdoc/>
    public long EarliestExpiry
    {
        get
        {
            _spaces[0].TryGetEarliest(_scratch, out var system);
            _spaces[1].TryGetEarliest(_scratch, out var user);
            return Math.Min(system, user);
        }
    }

    /// <inheritdoc/>
    public bool Read(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header) => Lookup(space, key, value, out header);

    /// <inheritdoc/>
    public bool IsInMemory(Keyspace space, ReadOnlySpan<byte> key) => _store.IsInMemory(Volatile.Read(ref _spaces)[(int)space].Id, key);

    /// <inheritdoc/>
    public bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header) => Lookup(space, key, null, out header);

    /// <inheritdoc/>
    public void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
    {
        var target = _spaces[(int)space];
        var hadExpiry = ForgetExpiry(target, key);
        _store.Put(target, key, header, value, hadExpiry);
    }

    /// <inheritdoc/>
    public bool Remove(Keyspace space, ReadOnlySpan<byte> key)
    {
        var target = _spaces[(int)space];
        if (!target.Keys.TryGet(key, out _))
            return false;
        ForgetExpiry(target, key);
        _store.Delete(target, key);
        return true;
    }

    /// <inheritdoc/>
    public Action Clear(Keyspace space)
    {
        var before = _spaces;
        if (before[(int)space].Keys.Count == 0)
            return static () => { };
        var fresh = _store.NewSpace(Group, space);
        Replace(space == Keyspace.System ? [fresh, _spaces[1]] : [_spaces[0], fresh]);
        return () =>
        {
            _store.Recall(before[(int)space]);
            Replace(before);
        };
    }

    /// <inheritdoc/>
    public RecordMark Mark(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer copy)
    {
        if (!_spaces[(int)space].Keys.TryGet(key, out var entry))
            return default;
        // Compaction moves the log's begin between entries only, so that the address holds as long as the mark.
        return _store.IsImmutable(entry.Address)
            ? new RecordMark(true, default, entry.Address)
            : new RecordMark(true, _store.ReadAt(entry.Address, copy), 0);
    }

    /// <inheritdoc/>
    public void Restore(Keyspace space, ReadOnlySpan<byte> key, in RecordMark mark, ReadOnlySpan<byte> copied)
    {
        if (!mark.Existed)
        {
            Remove(space, key);
            return;
        }

        if (mark.Address == 0)
        {
            Write(space, key, mark.Header, copied);
            return;
        }

        using var value = new PooledBuffer();
        var header = _store.ReadAt(mark.Address, value);
        Write(space, key, header, value.Span);
    }

    /// <inheritdoc/>
    public void CompleteEntry(AppliedPosition position)
    {
        Invariant.That(position.Index > _applied.Value.Index, $"group {Group}: entry {position.Index} completed after {_applied.Value.Index}");
        _applied.Value = position;
        _store.AfterEntry();
    }

    /// <inheritdoc/>
    public long Count(Keyspace space) => _spaces[(int)space].Keys.Count;

    /// <inheritdoc/>
    public bool TryGetNextKey(Keyspace space, ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key)
    {
        key.Clear();
        return _spaces[(int)space].Keys.TryGetNext(from, exclusive, key);
    }

    /// <inheritdoc/>
    public bool TryGetKeyAt(Keyspace space, long position, PooledBuffer key)
    {
        key.Clear();
        return _spaces[(int)space].Keys.TryGetAt(position, key);
    }

    /// <inheritdoc/>
    public bool TryGetExpired(long time, PooledBuffer key, out Keyspace space)
    {
        key.Clear();
        _spaces[0].TryGetEarliest(_scratch, out var system);
        _spaces[1].TryGetEarliest(_other, out var user);
        space = system <= user ? Keyspace.System : Keyspace.User;
        var earliest = space == Keyspace.System ? _scratch : _other;
        if (earliest.Length == 0 || Math.Min(system, user) > time)
        {
            space = default;
            return false;
        }
        key.Write(earliest.Span[8..]);
        return true;
    }

    /// <inheritdoc/>
    public ulong ComputeHash()
    {
        var hash = new StateHash(Applied);
        using var value = new PooledBuffer();
        foreach (var space in _spaces)
        {
            for (var cursor = space.Keys.First(); cursor.Valid; cursor.Next())
            {
                value.Clear();
                var header = _store.ReadAt(cursor.Entry.Address, value);
                hash.Add(space.Id.Space, cursor.Key, header, value.Span);
            }
        }
        return hash.Value;
    }

    /// <inheritdoc/>
    public ISnapshotReader OpenSnapshot() => _store.OpenSnapshot(Applied, _spaces);

    /// <inheritdoc/>
    public ISnapshotWriter BeginInstall() => new FasterSnapshotWriter(_store, this);

    /// <inheritdoc/>
    public void Dispose()
    {
        _scratch.Dispose();
        _other.Dispose();
    }

    /// <summary>Replaces the state by an image's.</summary>
    public void Install(StoreSpace system, StoreSpace user, AppliedPosition position)
    {
        Replace([system, user]);
        _applied.Value = position;
    }

    private void Replace(StoreSpace[] spaces)
    {
        var old = _spaces;
        Volatile.Write(ref _spaces, spaces);
        foreach (var space in old)
        {
            if (Array.IndexOf(spaces, space) < 0)
                _store.Forget(space);
        }
    }

    private bool Lookup(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer? value, out RecordHeader header)
    {
        while (true)
        {
            var spaces = Volatile.Read(ref _spaces);
            if (_store.Read(spaces[(int)space].Id, key, value, out header))
                return true;
            if (spaces == Volatile.Read(ref _spaces))
                return false;
        }
    }

    /// <summary>Takes a key's expiry out of the index; true if it had one.</summary>
    private bool ForgetExpiry(StoreSpace space, ReadOnlySpan<byte> key)
    {
        if (space.Expiries.Count == 0 || !space.Keys.TryGet(key, out var entry) || !entry.Expires)
            return false;
        var header = _store.ReadAt(entry.Address, null);
        space.RemoveExpiry(header.ExpireAt, key);
        return true;
    }
}
