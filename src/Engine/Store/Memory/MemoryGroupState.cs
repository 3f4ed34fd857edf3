using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.Snapshots;

namespace RaftKv.Engine.Store.Memory;

/// <summary>
/// A group's state in sorted collections: the plain, independent twin that the FASTER store is held equal to. One lock makes reads from other threads safe; speed is not its purpose.
/// </summary>
internal sealed class MemoryGroupState(uint group) : IGroupState
{
    private readonly Lock _gate = new();
    private readonly SortedSet<Expiry> _expiries = [];
    private SortedList<byte[], Record>[] _spaces = [Empty(), Empty()];
    private AppliedPosition _applied;

    /// <inheritdoc/>
    public uint Group => group;

    /// <inheritdoc/>
    public AppliedPosition Applied
    {
        get
        {
            lock (_gate)
                return _applied;
        }
    }

    /// <inheritdoc/>
    public long EarliestExpiry => _expiries.Count == 0 ? long.MaxValue : _expiries.Min.Time;

    /// <inheritdoc/>
    public bool Read(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header)
    {
        lock (_gate)
        {
            var record = Find(space, key);
            header = record?.Header ?? default;
            if (record is not null)
                value.Write(record.Value);
            return record is not null;
        }
    }

    /// <inheritdoc/>
    public bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header)
    {
        lock (_gate)
        {
            var record = Find(space, key);
            header = record?.Header ?? default;
            return record is not null;
        }
    }

    /// <inheritdoc/>
    public void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
    {
        lock (_gate)
        {
            Detach(space, key);
            Put(_spaces[(int)space], _expiries, space, key, new Record(header, value.ToArray()));
        }
    }

    /// <inheritdoc/>
    public bool Remove(Keyspace space, ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            return Detach(space, key);
        }
    }

    /// <inheritdoc/>
    public Action Clear(Keyspace space)
    {
        lock (_gate)
        {
            var records = _spaces[(int)space];
            var expiries = _expiries.Where(expiry => expiry.Space == space).ToList();
            _spaces[(int)space] = Empty();
            _expiries.ExceptWith(expiries);
            return () =>
            {
                lock (_gate)
                {
                    _spaces[(int)space] = records;
                    _expiries.UnionWith(expiries);
                }
            };
        }
    }

    /// <inheritdoc/>
    public void CompleteEntry(AppliedPosition position)
    {
        lock (_gate)
        {
            Invariant.That(position.Index > _applied.Index, $"group {group}: entry {position.Index} completed after {_applied.Index}");
            _applied = position;
        }
    }

    /// <inheritdoc/>
    public long Count(Keyspace space) => _spaces[(int)space].Count;

    /// <inheritdoc/>
    public bool TryGetNextKey(Keyspace space, ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key)
    {
        key.Clear();
        var records = _spaces[(int)space];
        var position = LowerBound(records, from);
        if (exclusive && position < records.Count && from.SequenceEqual(records.GetKeyAtIndex(position)))
            position++;
        if (position == records.Count)
            return false;
        key.Write(records.GetKeyAtIndex(position));
        return true;
    }

    /// <inheritdoc/>
    public bool TryGetKeyAt(Keyspace space, long position, PooledBuffer key)
    {
        key.Clear();
        var records = _spaces[(int)space];
        if (position < 0 || position >= records.Count)
            return false;
        key.Write(records.GetKeyAtIndex((int)position));
        return true;
    }

    /// <inheritdoc/>
    public bool TryGetExpired(long time, PooledBuffer key, out Keyspace space)
    {
        key.Clear();
        space = default;
        if (_expiries.Count == 0 || _expiries.Min.Time > time)
            return false;
        space = _expiries.Min.Space;
        key.Write(_expiries.Min.Key);
        return true;
    }

    /// <inheritdoc/>
    public ulong ComputeHash()
    {
        var hash = new StateHash(_applied);
        for (var space = Keyspace.System; space <= Keyspace.User; space++)
        {
            foreach (var (key, record) in _spaces[(int)space])
                hash.Add(space, key, record.Header, record.Value);
        }
        return hash.Value;
    }

    /// <inheritdoc/>
    public ISnapshotReader OpenSnapshot()
    {
        var records = new List<(Keyspace, byte[], Record)>();
        for (var space = Keyspace.System; space <= Keyspace.User; space++)
        {
            foreach (var (key, record) in _spaces[(int)space])
                records.Add((space, key, record));
        }
        return new Reader(records, _applied);
    }

    /// <inheritdoc/>
    public ISnapshotWriter BeginInstall() => new Writer(this);

    private static SortedList<byte[], Record> Empty() => new(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));

    private static void Put(SortedList<byte[], Record> records, SortedSet<Expiry> expiries, Keyspace space, ReadOnlySpan<byte> key, Record record)
    {
        var owned = key.ToArray();
        records[owned] = record;
        if (record.Header.ExpireAt != 0)
            expiries.Add(new Expiry(record.Header.ExpireAt, space, owned));
    }

    private static int LowerBound(SortedList<byte[], Record> records, ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, records.Count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (records.GetKeyAtIndex(middle).AsSpan().SequenceCompareTo(key) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private Record? Find(Keyspace space, ReadOnlySpan<byte> key)
    {
        var records = _spaces[(int)space];
        var position = LowerBound(records, key);
        return position < records.Count && key.SequenceEqual(records.GetKeyAtIndex(position)) ? records.GetValueAtIndex(position) : null;
    }

    private bool Detach(Keyspace space, ReadOnlySpan<byte> key)
    {
        var record = Find(space, key);
        if (record is null)
            return false;
        var records = _spaces[(int)space];
        var position = LowerBound(records, key);
        if (record.Header.ExpireAt != 0)
            _expiries.Remove(new Expiry(record.Header.ExpireAt, space, records.GetKeyAtIndex(position)));
        records.RemoveAt(position);
        return true;
    }

    private sealed record Record(RecordHeader Header, byte[] Value);

    private readonly record struct Expiry(long Time, Keyspace Space, byte[] Key) : IComparable<Expiry>
    {
        public int CompareTo(Expiry other)
        {
            var order = Time.CompareTo(other.Time);
            if (order == 0)
                order = Space.CompareTo(other.Space);
            return order != 0 ? order : Key.AsSpan().SequenceCompareTo(other.Key);
        }
    }

    private sealed class Reader(List<(Keyspace Space, byte[] Key, Record Record)> records, AppliedPosition position) : ImageReader(position)
    {
        private int _next;

        public override void Dispose() => records.Clear();

        protected override bool AppendNext(PooledBuffer into)
        {
            if (_next == records.Count)
                return false;
            var (space, key, record) = records[_next++];
            var start = BeginRecord(into, space, key);
            into.Write(record.Value);
            CompleteRecord(into, start, key.Length, record.Header);
            return true;
        }
    }

    private sealed class Writer(MemoryGroupState target) : ImageWriter
    {
        private readonly SortedList<byte[], Record>[] _received = [Empty(), Empty()];
        private readonly SortedSet<Expiry> _expiries = [];

        protected override void Add(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value)
        {
            Put(_received[(int)space], _expiries, space, key, new Record(header, value.ToArray()));
        }

        protected override void Install(AppliedPosition position)
        {
            lock (target._gate)
            {
                target._spaces = _received;
                target._expiries.Clear();
                target._expiries.UnionWith(_expiries);
                target._applied = position;
            }
        }

        protected override void Abandon()
        {
            _received[0].Clear();
            _received[1].Clear();
        }
    }
}
