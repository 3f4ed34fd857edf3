using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using FASTER.core;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store.Checkpoints;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Keys;

namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// The replicated state of a shard's groups in one FasterKV. FASTER's hash index serves reads from any thread; the <see cref="KeyIndex"/> of each keyspace, used by the shard's thread alone,
/// serves order, counting, snapshots and compaction. The disk is reached only through <see cref="HybridLogDevice"/>.
/// </summary>
/// <remarks>
/// Invariant: one session, the shard's, writes; its serial number counts the writes, and what FASTER recovers must be the number that the manifest names.
/// Invariant: a record's address in a <see cref="KeyIndex"/> is that of the newest record of its key in FASTER.
/// Invariant: once <see cref="HybridLogDevice.Failure"/> is set, every call throws it.
/// </remarks>
public sealed class FasterStateStore : IStateStore
{
    private const string SessionName = "apply";
    private const long MaxIndexBytes = 1L << 30;

    /// <summary>FASTER's log begins here, in its first page.</summary>
    private const long FirstAddress = 64;

    private readonly SortedDictionary<uint, FasterGroupState> _groups = [];
    private readonly Dictionary<uint, StoreSpace> _spaces = [];
    private readonly WorkerThread? _writer;
    private readonly WorkerThread? _maintenance;
    private readonly HybridLogDevice _device;
    private readonly CheckpointMetadata _metadata = new();
    private readonly FasterKV<SpanByte, SpanByte> _kv;
    private readonly ClientSession<SpanByte, SpanByte, Empty, ReadResult, Empty, StoreFunctions> _session;
    private readonly ReaderPool _readers;
    private readonly long _indexBytes;
    private readonly SnapshotTickets _tickets = new();
    private readonly StoreCheckpointer _checkpointer;
    private readonly HybridLogCompactor _compactor;
    private readonly DiskReserve _reserve;
    private readonly SpaceWatch _space;
    private ReadResult _noResult = new();
    private byte[] _scratch = GC.AllocateUninitializedArray<byte>(4096, pinned: true);
    private uint _nextIncarnation;
    private long _serial;
    private bool _disposed;

    private FasterStateStore(IFileSystem files, string directory, FasterStoreOptions options, StoreManifest manifest)
    {
        Options = options;
        _writer = options.Synchronous ? null : new WorkerThread("raftkv-store-writer");
        _maintenance = options.Synchronous ? null : new WorkerThread("raftkv-store-maintenance");
        _reserve = new DiskReserve(files, directory, options.ReserveBytes);
        _device = new HybridLogDevice(files, directory, options.SegmentBytes, _writer, _reserve);
        _space = new SpaceWatch(files, directory, _reserve);
        StoreRecovery.RestoreLog(_device, manifest);
        _indexBytes = Math.Max(options.IndexBytes, manifest.IndexBytes);
        while (_indexBytes < manifest.Keys * 16 && _indexBytes < MaxIndexBytes)
            _indexBytes *= 2;
        _kv = CreateKv();
        _session = manifest.Tail > 0 ? Recover(manifest) : _kv.For(new StoreFunctions()).NewSession<StoreFunctions>(SessionName);
        _serial = manifest.Serial;
        _nextIncarnation = manifest.NextIncarnation;
        _readers = new ReaderPool(options.Readers, () => new StoreReader(_kv, _device));
        foreach (var group in manifest.Groups)
        {
            var system = Register(new SpaceId(group.Group, group.SystemIncarnation, Keyspace.System));
            var user = Register(new SpaceId(group.Group, group.UserIncarnation, Keyspace.User));
            _groups.Add(group.Group, new FasterGroupState(this, group.Group, group.Applied, system, user));
        }
        StoreRecovery.RebuildIndexes(_kv.Log, _spaces);
        ThrowIfFailed();
        _compactor = new HybridLogCompactor(this, _kv.Log, _tickets, _maintenance);
        _checkpointer = new StoreCheckpointer(files, directory, manifest, _kv, _session, _metadata, _device, _reserve, _writer, _maintenance);
        MeasureSpace();
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<uint> Groups => _groups.Keys;

    /// <summary>Bytes of the log that count, garbage included.</summary>
    public long LogBytes => _kv.Log.TailAddress - _kv.Log.BeginAddress;

    /// <summary>Bytes of the log that hold live records.</summary>
    public long LiveBytes
    {
        get
        {
            var sum = 0L;
            foreach (var space in _spaces.Values)
                sum += space.LiveBytes;
            return sum;
        }
    }

    /// <summary>Bytes of the log's files.</summary>
    public long DiskBytes => _device.DiskBytes;

    /// <inheritdoc/>
    public bool IsDiskFull => _device.IsFull;

    /// <inheritdoc/>
    public bool IsShortOfSpace => _device.IsFull || _space.IsShort;

    /// <inheritdoc/>
    public bool HasSpaceToGiveBack => _space.IsShort || _compactor.IsUrgent || (_space.IsTight && _space.Unwritten >= Options.PageBytes);

    internal FasterStoreOptions Options { get; }

    /// <summary>Whether the disk is so full that garbage is worth more than the work to give it back.</summary>
    internal bool IsTight => _space.IsTight;

    /// <summary>Bytes that can still be written to the disk.</summary>
    internal long FreeBytes => _space.Free;

    /// <summary>Bytes of the log that were in memory only, when last measured.</summary>
    internal long UnwrittenBytes => _space.Unwritten;

    /// <summary>The log below this address takes no space any more.</summary>
    internal long GivenBack => _device.GivenBack;

    /// <summary>Whether a checkpoint is being taken.</summary>
    internal bool CheckpointUnderWay => _checkpointer.UnderWay;

    /// <summary>Every incarnation whose records are not garbage, those of images being received included.</summary>
    internal IReadOnlyDictionary<uint, StoreSpace> Spaces => _spaces;

    /// <summary>Opens the store in a directory, creating it when it is missing, as its newest whole checkpoint left it.</summary>
    /// <exception cref="StoreDamagedException">Something is there, but no whole checkpoint.</exception>
    public static FasterStateStore Open(IFileSystem files, string directory, FasterStoreOptions options)
    {
        options.Validate();
        var manifest = StoreRecovery.FindManifest(files, directory, options);
        return new FasterStateStore(files, directory, options, manifest);
    }

    /// <inheritdoc/>
    public IGroupState Open(uint group)
    {
        ThrowIfFailed();
        if (!_groups.TryGetValue(group, out var state))
        {
            state = new FasterGroupState(this, group, default, NewSpace(group, Keyspace.System), NewSpace(group, Keyspace.User));
            _groups.Add(group, state);
        }
        return state;
    }

    /// <inheritdoc/>
    public void Drop(uint group)
    {
        ThrowIfFailed();
        if (!_groups.Remove(group, out var state))
            return;
        foreach (var space in state.Spaces)
            Forget(space);
        state.Dispose();
    }

    /// <inheritdoc/>
    public bool TryBeginCheckpoint()
    {
        ThrowIfFailed();
        if (_checkpointer.UnderWay)
            return false;
        _compactor.CutIfDone();
        var groups = _groups.Values
            .Select(state => new ManifestGroup(state.Group, state.Applied, state.Spaces[0].Id.Incarnation, state.Spaces[1].Id.Incarnation))
            .ToList();
        _checkpointer.Begin(groups, _serial, _spaces.Values.Sum(space => space.Keys.Count), _indexBytes, _nextIncarnation);
        return true;
    }

    /// <inheritdoc/>
    public CompletedCheckpoint? PollCheckpoint()
    {
        ThrowIfFailed();
        return _checkpointer.Poll();
    }

    /// <inheritdoc/>
    public bool GiveSpaceBack()
    {
        ThrowIfFailed();
        MeasureSpace();
        return _compactor.StepUrgently();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _device.StopRetrying();
        _maintenance?.Dispose();
        // First of what readers use: threads of callers may be reading, and none may afterwards.
        _readers.Dispose();
        _session.Dispose();
        _compactor.Dispose();
        foreach (var group in _groups.Values)
            group.Dispose();
        _writer?.Dispose();
        _kv.Dispose();
        _device.Dispose();
    }

    /// <summary>Throws what made the store stop, if anything did.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ThrowIfFailed() => _device.ThrowIfFailed();

    /// <summary>A keyspace of a group under an incarnation that was never used.</summary>
    internal StoreSpace NewSpace(uint group, Keyspace space) => Register(new SpaceId(group, _nextIncarnation++, space));

    /// <summary>Makes all records of an incarnation garbage.</summary>
    internal void Forget(StoreSpace space)
    {
        _spaces.Remove(space.Id.Incarnation);
        _compactor.OnForgotten();
    }

    /// <summary>Looks how full the disk is, against what memory holds and a checkpoint would write.</summary>
    internal void MeasureSpace() => _space.Measure(Math.Max(0, _kv.Log.TailAddress - Math.Max(_device.WrittenEnd, _kv.Log.BeginAddress)));

    /// <summary>Takes <see cref="Forget"/> back, before the entry in which it happened is completed.</summary>
    internal void Recall(StoreSpace space) => _spaces.Add(space.Id.Incarnation, space);

    /// <summary>Whether the record at an address will not change as long as it is in the log.</summary>
    internal bool IsImmutable(long address) => address < _kv.Log.SafeReadOnlyAddress;

    /// <summary>Writes a record and notes it in the space's indexes. Any earlier expiry of the key is forgotten already; <paramref name="hadExpiry"/> says whether there was one.</summary>
    internal void Put(StoreSpace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value, bool hadExpiry)
    {
        ThrowIfFailed();
        var address = Upsert(space.Id, key, header, value, out var inPlace);

        // Same key, same address, same length, and neither the old record nor the new one expires: the indexes stay as they are.
        // No record of the space expires now, so this one did before only if its expiry was forgotten just before this call.
        if (inPlace && header.ExpireAt == 0 && !hadExpiry && space.Expiries.Count == 0)
            return;
        space.Set(key, new IndexEntry(address, value.Length, header.ExpireAt != 0), out _);
        if (header.ExpireAt != 0)
            space.AddExpiry(header.ExpireAt, key);
    }

    /// <summary>Removes a record that is there.</summary>
    internal unsafe void Delete(StoreSpace space, ReadOnlySpan<byte> key)
    {
        ThrowIfFailed();
        var stored = PinRecord(space.Id, key, default, default, out _);
        var status = _session.Delete(ref stored, default, ++_serial);
        Invariant.That(!status.IsPending && !status.IsFaulted, $"a delete ended with {status}");
        space.Remove(key, out _);
    }

    /// <summary>Writes a record; returns its address, and whether it took the place of one of the same length.</summary>
    internal unsafe long Upsert(SpaceId space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value, out bool inPlace)
    {
        Invariant.That(StoreSpace.RecordSize(key.Length, value.Length) <= Options.PageBytes - FirstAddress, $"a record of {key.Length} and {value.Length} bytes is too long for pages of {Options.PageBytes}");
        var storedKey = PinRecord(space, key, header, value, out var storedValue);
        var input = default(Empty);
        var status = _session.Upsert(ref storedKey, ref input, ref storedValue, ref _noResult, out var metadata, default, ++_serial);
        Invariant.That(!status.IsPending && !status.IsFaulted && metadata.Address > 0, $"an upsert ended with {status} at {metadata.Address}");
        inPlace = status.Record.InPlaceUpdated;
        return metadata.Address;
    }

    /// <summary>Reads a record, on any thread.</summary>
    internal bool Read(SpaceId space, ReadOnlySpan<byte> key, PooledBuffer? value, out RecordHeader header)
    {
        ThrowIfFailed();
        var reader = _readers.Rent(out var slot);
        try
        {
            return reader.Read(space, key, value, out header);
        }
        finally
        {
            _readers.Return(slot, reader);
        }
    }

    /// <summary>Whether a read of this key would need no disk, as it is now, on any thread.</summary>
    internal bool IsInMemory(SpaceId space, ReadOnlySpan<byte> key)
    {
        // All of the log is there: the usual case, which costs two loads. They are good in a closed store as well; whoever goes on to read meets the closed pool.
        if (_kv.Log.HeadAddress <= _kv.Log.BeginAddress)
            return true;
        ThrowIfFailed();
        var reader = _readers.Rent(out var slot);
        try
        {
            return reader.IsInMemory(space, key);
        }
        finally
        {
            _readers.Return(slot, reader);
        }
    }

    /// <summary>Reads the record at an address taken from an index, on any thread.</summary>
    internal RecordHeader ReadAt(long address, PooledBuffer? value)
    {
        ThrowIfFailed();
        var reader = _readers.Rent(out var slot);
        try
        {
            return reader.ReadAt(address, value);
        }
        finally
        {
            _readers.Return(slot, reader);
        }
    }

    /// <summary>Between two entries: lets compaction go on a little.</summary>
    internal void AfterEntry() => _compactor.Step();

    /// <summary>Opens an image of spaces as they are now.</summary>
    internal FasterSnapshotReader OpenSnapshot(AppliedPosition position, IReadOnlyList<StoreSpace> spaces)
    {
        ThrowIfFailed();

        // From here on no record below the tail is overwritten in place; the flush that this starts is not waited for.
        _kv.Log.ShiftReadOnlyAddress(_kv.Log.TailAddress, wait: false);
        return new FasterSnapshotReader(position, this, _tickets.Open(), spaces.Select(space => (space.Id.Space, space.Keys.Freeze())).ToList());
    }

    /// <summary>Lets compaction pass over a snapshot that is closed. Any thread.</summary>
    internal void CloseSnapshot(long ticket) => _tickets.Close(ticket);

    /// <summary>Lets FASTER recover the log up to the manifest's tail, and checks that it did.</summary>
    private ClientSession<SpanByte, SpanByte, Empty, ReadResult, Empty, StoreFunctions> Recover(StoreManifest manifest)
    {
        _metadata.Provide(manifest.Token, manifest.Metadata);
        _kv.Recover(default, manifest.Token);
        _metadata.Take();
        ThrowIfFailed();
        var session = _kv.For(new StoreFunctions()).ResumeSession<StoreFunctions>(SessionName, out var commit);
        if (commit.UntilSerialNo != manifest.Serial || _kv.Log.TailAddress != manifest.Tail)
        {
            session.Dispose();
            throw new StoreDamagedException(
                $"FASTER recovered {commit.UntilSerialNo} writes up to {_kv.Log.TailAddress}, the manifest says {manifest.Serial} up to {manifest.Tail}");
        }
        return session;
    }

    private StoreSpace Register(SpaceId id)
    {
        var space = new StoreSpace(id);
        _spaces.Add(id.Incarnation, space);
        return space;
    }

    private FasterKV<SpanByte, SpanByte> CreateKv() =>
        new(new FasterKVSettings<SpanByte, SpanByte>
        {
            IndexSize = _indexBytes,
            LogDevice = _device,
            PageSize = Options.PageBytes,
            MemorySize = Options.MemoryBytes,
            SegmentSize = Options.SegmentBytes,
            CheckpointManager = _metadata,
            RemoveOutdatedCheckpoints = false,
            ConcurrencyControlMode = ConcurrencyControlMode.RecordIsolation,
        });

    /// <summary>Lays a key and its value out as FASTER stores them, in memory that does not move.</summary>
    private unsafe SpanByte PinRecord(SpaceId space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value, out SpanByte storedValue)
    {
        var keyLength = SpaceId.Size + key.Length;
        var valueLength = StoreFunctions.HeaderSize + value.Length;
        if (_scratch.Length < keyLength + valueLength)
            _scratch = GC.AllocateUninitializedArray<byte>((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(keyLength + valueLength)), pinned: true);
        space.Write(_scratch);
        key.CopyTo(_scratch.AsSpan(SpaceId.Size));
        var body = _scratch.AsSpan(keyLength);
        BinaryPrimitives.WriteUInt64LittleEndian(body, header.Revision);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], header.ExpireAt);
        value.CopyTo(body[StoreFunctions.HeaderSize..]);
        var start = (byte*)Unsafe.AsPointer(ref _scratch[0]);
        storedValue = SpanByte.FromPointer(start + keyLength, valueLength);
        return SpanByte.FromPointer(start, keyLength);
    }
}
