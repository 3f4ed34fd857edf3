using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Harness.Store;

/// <summary>
/// A random run of one store against the in-memory one that never crashes: entries, checkpoints, snapshots read while entries are applied, installations, drops,
/// power cuts and ends of the process at any operation of the disk, syncs that fail, recovery, and the entries after the recovered positions again; and bits that change on the disk, which are found or change nothing.
/// </summary>
public sealed class StoreSimulation : IDisposable
{
    private readonly SeededRandom _random;
    private readonly Func<IFileSystem, IStateStore> _open;
    private readonly MemoryStateStore _oracle = new();
    private readonly List<StoreEntry> _entries = [];
    private readonly HashSet<uint> _dropped = [];
    private readonly List<OpenSnapshot> _snapshots = [];
    private readonly int _universe;
    private SimulatedFileSystem _disk = new();
    private IStateStore _store;
    private IReadOnlyDictionary<uint, AppliedPosition> _acknowledged = new Dictionary<uint, AppliedPosition>();
    private IReadOnlyDictionary<uint, AppliedPosition>? _begun;
    private ulong _index;
    private uint _nextGroup = 1;

    private StoreSimulation(ulong seed, Func<FasterStoreOptions, Func<IFileSystem, IStateStore>> open)
    {
        _random = new SeededRandom(seed);
        var page = 16384L << _random.Below(2);
        _open = open(new FasterStoreOptions
        {
            PageBytes = page,
            MemoryBytes = page * (4 << _random.Below(3)),
            SegmentBytes = page << _random.Below(3),
            IndexBytes = 512 << _random.Below(6),
            CompactionFloor = page * _random.Below(6),
            MaxGarbage = _random.Between(1, 9) / 10.0,
            ReserveBytes = page,
            Readers = 2,
            Synchronous = true,
        });
        _universe = _random.Between(1, 400);
        _store = _open(_disk);
    }

    public void Dispose()
    {
        _store.Dispose();
        _oracle.Dispose();
    }

    /// <summary>Runs one seed against the FASTER store.</summary>
    /// <exception cref="StoreMismatchException">It does not do what the other does.</exception>
    public static void RunFaster(ulong seed) => Run(seed, options => files => FasterStateStore.Open(files, "/store", options));

    /// <summary>Runs one seed against the in-memory store, whose checkpoints are under test.</summary>
    /// <exception cref="StoreMismatchException">It does not do what the other does.</exception>
    public static void RunMemory(ulong seed) => Run(seed, _ => files => MemoryStateStore.Open(files, "/store"));

    private static void Run(ulong seed, Func<FasterStoreOptions, Func<IFileSystem, IStateStore>> open)
    {
        using var run = new StoreSimulation(seed, open);
        run.Execute();
    }

    private void Execute()
    {
        for (var life = 0; life < 6; life++)
        {
            var crash = life < 5;
            if (crash)
                _disk.CrashAtOperation(_disk.Operations + _random.Between(1, 1 << _random.Between(1, 8)));
            if (crash && _random.Chance(200))
                _disk.FailSync(_random.Between(1, 12));
            try
            {
                for (var step = 0; step < 1500; step++)
                    Step();
                if (!crash)
                    Compare();
            }
            catch (SimulatedCrashException)
            {
                // The node died in the middle of it: the restart below is what follows.
            }
            catch (IOException failure) when (failure is not StoreDamagedException)
            {
                // A sync failed, and the node ends itself.
            }
            Restart();
        }
        Compare();
        CloseStore();
    }

    private void Step()
    {
        switch (_random.Below(1000))
        {
            case < 5:
                Compare();
                break;
            case < 25:
                BeginCheckpoint();
                break;
            case < 200:
                PollCheckpoint();
                break;
            case < 210:
                Snapshot();
                break;
            case < 250:
                ReadSnapshots();
                break;
            case < 258:
                Install();
                break;
            case < 260:
                Drop();
                break;
            default:
                Change();
                break;
        }
    }

    private void BeginCheckpoint()
    {
        if (!_store.TryBeginCheckpoint())
            return;
        _begun = _store.Groups.ToDictionary(group => group, group => _store.Open(group).Applied);
    }

    private void PollCheckpoint()
    {
        if (_store.PollCheckpoint() is not { } completed)
            return;
        Expect.Sequence(_begun!.OrderBy(pair => pair.Key), completed.Groups.OrderBy(pair => pair.Key));
        _acknowledged = completed.Groups;
        _begun = null;
    }

    private void Change()
    {
        var group = PickGroup();
        var changes = new List<StoreChange>();
        for (var left = _random.Below(4); left > 0; left--)
            changes.Add(RandomChange());
        Apply(new ChangeEntry(group, NextPosition(), changes));
    }

    private void Install()
    {
        var source = _oracle.Open(PickGroup());
        var target = PickGroup();
        if (source.Applied.Index <= _oracle.Open(target).Applied.Index)
            return;
        Apply(new InstallEntry(target, source.Applied, ReadImage(source.OpenSnapshot(), 1 << _random.Between(6, 14))));
    }

    private void Drop()
    {
        var group = PickGroup();
        _dropped.Add(group);
        _entries.RemoveAll(entry => entry.Group == group);
        _oracle.Drop(group);
        _store.Drop(group);
    }

    private void Snapshot()
    {
        var group = PickGroup();
        var chunk = 1 << _random.Between(6, 14);
        _snapshots.Add(new OpenSnapshot(_store.Open(group).OpenSnapshot(), ReadImage(_oracle.Open(group).OpenSnapshot(), chunk), chunk));
    }

    private void ReadSnapshots()
    {
        foreach (var snapshot in _snapshots.ToList())
        {
            if (snapshot.ReadSome(_random.Below(4)))
                _snapshots.Remove(snapshot);
        }
    }

    /// <summary>The oracle first: what the store may lose in a crash is known to it and to the list, as to a Raft log.</summary>
    private void Apply(StoreEntry entry)
    {
        entry.Apply(_oracle.Open(entry.Group));
        _entries.Add(entry);
        entry.Apply(_store.Open(entry.Group));
    }

    private void Restart()
    {
        CloseStore();
        if (_random.Chance(400))
        {
            _disk = _disk.Kill(_random.Next());
        }
        else
        {
            _disk = _disk.Crash(_random.Next());
            if (_random.Chance(500))
            {
                Rot();
                _disk = _disk.Crash(1);
            }
        }

        while (true)
        {
            if (_random.Chance(300))
                _disk.CrashAtOperation(_disk.Operations + _random.Between(1, 8));
            try
            {
                _store = _open(_disk);
                break;
            }
            catch (Exception e) when (e is SimulatedCrashException or IOException and not StoreDamagedException)
            {
                _disk = _random.Chance(500) ? _disk.Kill(_random.Next()) : _disk.Crash(_random.Next());
            }
        }
        _disk.CrashAtOperation(long.MaxValue);
        CheckRecovered();
        Replay(_store);
        Compare();
    }

    /// <summary>Applies again what a recovered store does not have.</summary>
    private void Replay(IStateStore store)
    {
        foreach (var group in _dropped)
            store.Drop(group);
        foreach (var entry in _entries)
        {
            if (entry.Position.Index > store.Open(entry.Group).Applied.Index)
                entry.Apply(store.Open(entry.Group));
        }
    }

    /// <summary>A bit of the data changes while the power is off. It is found, or an older checkpoint is taken that does not need it, or it is in what nobody reads.</summary>
    private void Rot()
    {
        var rotten = _disk.Crash(1);
        var files = rotten.List("/store").Where(name => !name.StartsWith("manifest", StringComparison.Ordinal) && rotten.ReadAll("/store/" + name).Length > 0).ToList();
        if (files.Count == 0)
            return;
        var file = "/store/" + files[_random.Below(files.Count)];
        rotten.FlipBit(file, (long)(_random.Next() % ((ulong)rotten.ReadAll(file).Length * 8)));
        try
        {
            using var store = _open(rotten);
            Replay(store);
            Compare(store);
        }
        catch (StoreDamagedException)
        {
            // Found.
        }
    }

    /// <summary>What came back is the checkpoint that was acknowledged last, or the one that was being taken.</summary>
    private void CheckRecovered()
    {
        var recovered = _store.Groups.ToDictionary(group => group, group => _store.Open(group).Applied);
        if (_begun is not null && Same(recovered, _begun))
            _acknowledged = _begun;
        Expect.That(Same(recovered, _acknowledged), "the recovered positions are those of no checkpoint that may be there");
        _begun = null;
    }

    private static bool Same(IReadOnlyDictionary<uint, AppliedPosition> a, IReadOnlyDictionary<uint, AppliedPosition> b) =>
        a.OrderBy(pair => pair.Key).SequenceEqual(b.OrderBy(pair => pair.Key));

    private void CloseStore()
    {
        foreach (var snapshot in _snapshots)
            snapshot.Dispose();
        _snapshots.Clear();
        _store.Dispose();
    }

    private void Compare() => Compare(_store);

    private void Compare(IStateStore store)
    {
        Expect.Sequence(_oracle.Groups.Where(group => _oracle.Open(group).Applied.Index > 0), store.Groups.Where(group => store.Open(group).Applied.Index > 0));
        foreach (var group in _oracle.Groups.ToList())
            GroupComparison.AssertEqual(_oracle.Open(group), store.Open(group), _random);
    }

    private uint PickGroup()
    {
        var live = _oracle.Groups.ToList();
        return live.Count == 0 || (live.Count < 4 && _random.Chance(20)) ? _nextGroup++ : live[_random.Below(live.Count)];
    }

    private AppliedPosition NextPosition() => new(++_index, _index / 100, (long)_index * 10);

    private StoreChange RandomChange()
    {
        var space = _random.Chance(200) ? Keyspace.System : Keyspace.User;
        var key = RandomKey();
        if (_random.Chance(3))
            return new StoreChange(StoreChangeKind.Clear, space, [], 0, []);
        if (_random.Chance(200))
            return new StoreChange(StoreChangeKind.Remove, space, key, 0, []);
        var value = new byte[_random.Below(10) switch { 0 => 0, 1 => _random.Below(3000), _ => 8 * _random.Below(8) }];
        _random.Fill(value);
        return new StoreChange(StoreChangeKind.Write, space, key, _random.Chance(300) ? _random.Between(1, 300) : 0, value);
    }

    private byte[] RandomKey()
    {
        var number = new SeededRandom((ulong)_random.Below(_universe));
        var key = new byte[number.Below(30) == 0 ? number.Below(2000) : number.Below(20)];
        number.Fill(key);
        return key;
    }

    private static List<byte[]> ReadImage(ISnapshotReader reader, int chunkBytes)
    {
        using (reader)
        {
            var chunks = new List<byte[]>();
            using var chunk = new PooledBuffer();
            while (reader.ReadChunk(chunk, chunkBytes))
            {
                chunks.Add(chunk.Span.ToArray());
                chunk.Clear();
            }
            return chunks;
        }
    }

    /// <summary>A snapshot that is read while entries are applied, and what its bytes must be.</summary>
    private sealed class OpenSnapshot(ISnapshotReader reader, List<byte[]> expected, int chunkBytes) : IDisposable
    {
        private readonly PooledBuffer _chunk = new();
        private int _next;

        /// <summary>Reads some chunks; true, and closed, at the end.</summary>
        public bool ReadSome(int chunks)
        {
            for (; chunks > 0; chunks--)
            {
                _chunk.Clear();
                var more = reader.ReadChunk(_chunk, chunkBytes);
                Expect.Equal(_next < expected.Count, more);
                if (!more)
                {
                    Dispose();
                    return true;
                }
                Expect.Sequence(expected[_next++], _chunk.Span.ToArray());
            }
            return false;
        }

        public void Dispose()
        {
            reader.Dispose();
            _chunk.Dispose();
        }
    }
}
