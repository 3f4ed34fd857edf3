using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

/// <summary>A small store on a simulated disk, and the few steps that tests are made of.</summary>
internal sealed class StoreFixture : IDisposable
{
    private ulong _index;

    public StoreFixture(FasterStoreOptions? options = null)
    {
        Options = options ?? Small;
        Store = FasterStateStore.Open(Disk, "/store", Options);
    }

    /// <summary>Four pages of 16 KiB in memory: most data is on disk.</summary>
    public static FasterStoreOptions Small { get; } = new()
    {
        PageBytes = 16 << 10,
        MemoryBytes = 64 << 10,
        SegmentBytes = 32 << 10,
        IndexBytes = 4 << 10,
        CompactionFloor = 64 << 10,
        ReserveBytes = 32 << 10,
        Readers = 3,
        Synchronous = true,
    };

    public FasterStoreOptions Options { get; }

    public SimulatedFileSystem Disk { get; private set; } = new();

    public FasterStateStore Store { get; private set; }

    public IGroupState Group => Store.Open(1);

    public void Put(int key, byte[] value, long expireAt = 0)
    {
        Group.Write(Keyspace.User, Key(key), new RecordHeader(++_index, expireAt), value);
        Group.CompleteEntry(new AppliedPosition(_index, 1, 0));
    }

    /// <summary>Ends an entry that was written by hand.</summary>
    public void Complete() => Group.CompleteEntry(new AppliedPosition(++_index, 1, 0));

    public byte[]? Get(int key)
    {
        using var value = new PooledBuffer();
        return Group.Read(Keyspace.User, Key(key), value, out _) ? value.Span.ToArray() : null;
    }

    public void Checkpoint()
    {
        Assert.True(Store.TryBeginCheckpoint());
        var wait = default(SpinWait);
        while (Store.PollCheckpoint() is null)
            wait.SpinOnce();
    }

    /// <summary>Closes the store, whatever state it is in, cuts the power and opens what is left.</summary>
    public void Restart(ulong seed = 1, long capacity = long.MaxValue)
    {
        Store.Dispose();
        Disk = Disk.Crash(seed);
        Disk.Capacity = capacity;
        Store = FasterStateStore.Open(Disk, "/store", Options);
        _index = Group.Applied.Index;
    }

    public static byte[] Key(int key) => System.Text.Encoding.ASCII.GetBytes($"key-{key:D8}");

    public static byte[] Value(int seed, int length)
    {
        var value = new byte[length];
        new SeededRandom((ulong)seed).Fill(value);
        return value;
    }

    public void Dispose() => Store.Dispose();
}
