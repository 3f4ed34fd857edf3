using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

public class FasterStateStoreTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Data_larger_than_memory_is_read_back_whole(bool synchronous)
    {
        using var fixture = new StoreFixture(StoreFixture.Small with { Synchronous = synchronous });
        for (var i = 0; i < 3000; i++)
            fixture.Put(i, StoreFixture.Value(i, 200 + i % 100));
        fixture.Checkpoint();
        for (var i = 0; i < 3000; i++)
            Assert.Equal(StoreFixture.Value(i, 200 + i % 100), fixture.Get(i));
        fixture.Restart();
        Assert.Equal(3000, fixture.Group.Count(Keyspace.User));
        for (var i = 0; i < 3000; i++)
            Assert.Equal(StoreFixture.Value(i, 200 + i % 100), fixture.Get(i));
    }

    [Fact]
    public void The_longest_key_and_value_survive_a_checkpoint()
    {
        using var fixture = new StoreFixture(new FasterStoreOptions { MemoryBytes = 128 << 20, Synchronous = true });
        var key = StoreFixture.Value(1, 64 << 10);
        var value = StoreFixture.Value(2, 16 << 20);
        fixture.Group.Write(Keyspace.User, key, new RecordHeader(1, 0), value);
        fixture.Group.CompleteEntry(new AppliedPosition(1, 1, 1));
        fixture.Checkpoint();
        fixture.Restart();
        using var read = new PooledBuffer();
        Assert.True(fixture.Group.Read(Keyspace.User, key, read, out var header));
        Assert.Equal(1UL, header.Revision);
        Assert.True(value.AsSpan().SequenceEqual(read.Span));
    }

    [Fact]
    public void What_was_flushed_after_a_checkpoint_does_not_come_back()
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < 100; i++)
            fixture.Put(i, [1]);
        fixture.Checkpoint();
        for (var i = 0; i < 3000; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));

        // Among the seeds are disks that lost all, nothing, and some of what was not synced.
        for (ulong seed = 0; seed < 8; seed++)
        {
            fixture.Restart(seed);
            Assert.Equal(100UL, fixture.Group.Applied.Index);
            Assert.Equal(100, fixture.Group.Count(Keyspace.User));
            for (var i = 0; i < 100; i++)
                Assert.Equal([1], fixture.Get(i));
            Assert.Null(fixture.Get(100));
            for (var i = 100; i < 600; i++)
                fixture.Put(i, [2]);
        }
    }

    [Fact]
    public void Readers_on_other_threads_see_whole_records_and_never_miss_a_key_that_is_there()
    {
        using var fixture = new StoreFixture(StoreFixture.Small with { Synchronous = false, MaxGarbage = 0.2 });
        const int keys = 200;
        for (var i = 0; i < keys; i++)
            fixture.Put(i, Pattern(0, 40));
        var group = fixture.Group;
        using var stop = new CancellationTokenSource();
        var failures = new Exception?[2];
        var readers = Enumerable.Range(0, failures.Length).Select(reader => new Thread(() => failures[reader] = Record.Exception(() => ReadUntilStopped(group, keys, (ulong)reader, stop.Token)))).ToList();
        readers.ForEach(reader => reader.Start());
        var random = new SeededRandom(5);
        for (var step = 1; step <= 40_000; step++)
        {
            fixture.Put(random.Below(keys), Pattern((byte)step, random.Chance(800) ? 40 : random.Below(400)));
            if (step % 2000 == 0)
                fixture.Store.TryBeginCheckpoint();
            if (step % 5000 == 0)
                Reinstall(group);
            fixture.Store.PollCheckpoint();
        }
        stop.Cancel();
        readers.ForEach(reader => reader.Join());
        Assert.All(failures, Assert.Null);
    }

    [Fact]
    public void Overwriting_for_ever_needs_bounded_disk()
    {
        using var fixture = new StoreFixture();
        var most = 0L;
        for (var round = 0; round < 60; round++)
        {
            for (var i = 0; i < 500; i++)
                fixture.Put(i, StoreFixture.Value(round * 1000 + i, 100 + round % 7));
            fixture.Checkpoint();
            if (round > 10)
                most = Math.Max(most, fixture.Store.DiskBytes);
        }
        Assert.InRange(most, 1, 8 * fixture.Store.LiveBytes);
        fixture.Restart();
        for (var i = 0; i < 500; i++)
            Assert.Equal(StoreFixture.Value(59 * 1000 + i, 100 + 59 % 7), fixture.Get(i));
    }

    [Fact]
    public void An_open_snapshot_keeps_compaction_from_cutting_the_log_below_it()
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < 500; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        var before = fixture.Group.ComputeHash();
        var position = fixture.Group.Applied;
        using (var snapshot = fixture.Group.OpenSnapshot())
        {
            for (var round = 0; round < 20; round++)
            {
                for (var i = 0; i < 500; i++)
                    fixture.Put(i, [1]);
                fixture.Checkpoint();
            }
            using var copy = new MemoryStateStore();
            using var writer = copy.Open(1).BeginInstall();
            using var chunk = new PooledBuffer();
            while (snapshot.ReadChunk(chunk, 1000))
            {
                writer.Write(chunk.Span);
                chunk.Clear();
            }
            writer.Complete(position);
            Assert.Equal(before, copy.Open(1).ComputeHash());
        }
    }

    [Fact]
    public void Rot_found_while_running_is_never_served()
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < 3000; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        fixture.Disk.FlipBit("/store/log.0", 8 * 9000);
        var damaged = Assert.Throws<StoreDamagedException>(() =>
        {
            for (var i = 0; i < 3000; i++)
                Assert.Equal(StoreFixture.Value(i, 100), fixture.Get(i));
        });
        Assert.Contains("block 2 ", damaged.Message, StringComparison.Ordinal);
        Assert.Throws<StoreDamagedException>(() => fixture.Put(1, [1]));
        Assert.Throws<StoreDamagedException>(() => fixture.Store.TryBeginCheckpoint());
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_the_log_is_found_when_the_store_is_opened()
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < 500; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        fixture.Checkpoint();
        var random = new SeededRandom(3);
        fixture.Store.Dispose();
        foreach (var name in fixture.Disk.List("/store").Where(name => name.StartsWith("log.", StringComparison.Ordinal)).SkipLast(1).ToList())
        {
            for (var flips = 0; flips < 10; flips++)
            {
                var bit = (long)(random.Next() % (ulong)(fixture.Disk.ReadAll("/store/" + name).Length * 8L));
                fixture.Disk.FlipBit("/store/" + name, bit);
                AssertNotServed(fixture, 500);
                fixture.Disk.FlipBit("/store/" + name, bit);
            }
        }
    }

    [Theory]
    [InlineData("log.0")]
    [InlineData("log.1")]
    public void A_missing_segment_is_refused(string name)
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < 1000; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        fixture.Checkpoint();
        fixture.Checkpoint();
        fixture.Store.Dispose();
        fixture.Disk.Drop("/store/" + name);
        Assert.Throws<StoreDamagedException>(() => FasterStateStore.Open(fixture.Disk, "/store", fixture.Options));
    }

    [Fact]
    public void A_log_without_a_manifest_is_refused()
    {
        using var fixture = new StoreFixture();
        for (var i = 0; i < 1000; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        fixture.Store.Dispose();
        foreach (var name in fixture.Disk.List("/store").Where(name => name.StartsWith("manifest", StringComparison.Ordinal)).ToList())
            fixture.Disk.Drop("/store/" + name);
        Assert.Throws<StoreDamagedException>(() => FasterStateStore.Open(fixture.Disk, "/store", fixture.Options));
    }

    [Fact]
    public void A_damaged_manifest_gives_way_to_the_previous_one()
    {
        using var fixture = new StoreFixture();
        fixture.Put(1, [1]);
        fixture.Checkpoint();
        fixture.Put(1, [2]);
        fixture.Checkpoint();
        fixture.Disk.FlipBit("/store/manifest-00000000000000000002", 300);
        fixture.Restart();
        Assert.Equal([1], fixture.Get(1));
        Assert.Equal(1UL, fixture.Group.Applied.Index);
        fixture.Put(1, [3]);
        fixture.Checkpoint();
        fixture.Restart();
        Assert.Equal([3], fixture.Get(1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_failed_write_ends_the_store_and_hangs_nobody(bool synchronous)
    {
        using var fixture = new StoreFixture(StoreFixture.Small with { Synchronous = synchronous });
        for (var i = 0; i < 100; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        fixture.Checkpoint();
        fixture.Disk.FailWrite(1);
        Assert.Throws<StoreFailedException>((Action)(() =>
        {
            for (var i = 0; ; i++)
                fixture.Put(i % 5000, StoreFixture.Value(i, 100));
        }));
        Assert.Throws<StoreFailedException>(() => fixture.Store.TryBeginCheckpoint());
        fixture.Restart();
        Assert.Equal(100UL, fixture.Group.Applied.Index);
    }

    [Fact]
    public void A_failed_sync_is_fatal_and_acknowledges_no_checkpoint()
    {
        using var fixture = new StoreFixture();
        fixture.Put(1, [1]);
        fixture.Disk.FailSync(1);
        Assert.True(fixture.Store.TryBeginCheckpoint());
        Assert.Throws<StoreFailedException>((Action)(() =>
        {
            while (true)
                Assert.Null(fixture.Store.PollCheckpoint());
        }));
        Assert.Throws<StoreFailedException>(() => fixture.Put(2, [2]));
    }

    [Fact]
    public void A_full_disk_refuses_a_checkpoint_by_its_type_and_heals()
    {
        using var fixture = new StoreFixture(StoreFixture.Small with { Synchronous = false, MemoryBytes = 256 << 10 });
        for (var i = 0; i < 800; i++)
            fixture.Put(i, StoreFixture.Value(i, 100));
        // More than the reserve has room for.
        fixture.Disk.Capacity = fixture.Disk.Used;
        Assert.True(fixture.Store.TryBeginCheckpoint());
        var wait = default(SpinWait);
        while (!fixture.Store.IsDiskFull)
        {
            Assert.Null(fixture.Store.PollCheckpoint());
            wait.SpinOnce();
        }
        Assert.Equal(StoreFixture.Value(5, 100), fixture.Get(5));
        fixture.Disk.Capacity = long.MaxValue;
        while (fixture.Store.PollCheckpoint() is null)
            wait.SpinOnce();
        Assert.False(fixture.Store.IsDiskFull);
        fixture.Restart();
        Assert.Equal(800, fixture.Group.Count(Keyspace.User));
    }

    [Fact]
    public void The_last_expiry_of_a_group_can_be_overwritten_in_place()
    {
        using var fixture = new StoreFixture();
        fixture.Put(1, [1, 2, 3], expireAt: 10);
        fixture.Put(1, [4, 5, 6]);
        Assert.Equal(long.MaxValue, fixture.Group.EarliestExpiry);
        fixture.Put(2, [1, 2, 3], expireAt: 20);
        fixture.Put(1, [7, 8, 9]);
        Assert.Equal(20, fixture.Group.EarliestExpiry);
        Assert.Equal([7, 8, 9], fixture.Get(1));
    }

    [Fact]
    public void An_abandoned_image_leaves_the_group_as_it_was()
    {
        using var fixture = new StoreFixture();
        fixture.Put(1, [1]);
        var hash = fixture.Group.ComputeHash();
        using (var snapshot = fixture.Group.OpenSnapshot())
        using (var chunk = new PooledBuffer())
        using (var writer = fixture.Group.BeginInstall())
        {
            snapshot.ReadChunk(chunk, 10);
            writer.Write(chunk.Span);
            chunk.WritableSpan[8] ^= 1;
            Assert.Throws<InvalidDataException>(() => writer.Write(chunk.Span));
        }
        Assert.Equal(hash, fixture.Group.ComputeHash());
    }

    [Fact]
    public void Options_that_do_not_go_together_are_refused_by_name()
    {
        Assert.Contains("PageBytes", Assert.Throws<ArgumentOutOfRangeException>(() => new FasterStoreOptions { PageBytes = 5000 }).Message, StringComparison.Ordinal);
        Assert.Contains("MemoryBytes", Assert.Throws<ArgumentException>(() => new FasterStoreOptions { MemoryBytes = 64 << 20 }.Validate()).Message, StringComparison.Ordinal);
        using var fixture = new StoreFixture();
        fixture.Store.Dispose();
        Assert.Throws<ArgumentException>(() => FasterStateStore.Open(fixture.Disk, "/store", fixture.Options with { PageBytes = 8 << 10 }));
    }

    private static byte[] Pattern(byte fill, int length)
    {
        var value = new byte[length];
        Array.Fill(value, fill);
        return value;
    }

    private static void ReadUntilStopped(IGroupState group, int keys, ulong seed, CancellationToken stop)
    {
        var random = new SeededRandom(seed);
        using var value = new PooledBuffer();
        while (!stop.IsCancellationRequested)
        {
            value.Clear();
            var before = group.Applied.Index;
            Assert.True(group.Read(Keyspace.User, StoreFixture.Key(random.Below(keys)), value, out var header));
            Assert.True(value.Span.IndexOfAnyExcept(value.Length > 0 ? value.Span[0] : (byte)0) < 0, "a torn value");
            Assert.True(group.Applied.Index >= before);
            Assert.True(header.Revision > 0);
        }
    }

    private static void Reinstall(IGroupState group)
    {
        var position = group.Applied;
        using var snapshot = group.OpenSnapshot();
        using var writer = group.BeginInstall();
        using var chunk = new PooledBuffer();
        while (snapshot.ReadChunk(chunk, 4096))
        {
            writer.Write(chunk.Span);
            chunk.Clear();
        }
        writer.Complete(position);
    }

    /// <summary>The flip hit the newest checkpoint: what is served instead is the store as it was created, or nothing.</summary>
    private static void AssertNotServed(StoreFixture fixture, ulong applied)
    {
        try
        {
            var disk = fixture.Disk.Crash(1);
            using var store = FasterStateStore.Open(disk, "/store", fixture.Options);
            Assert.NotEqual(applied, store.Open(1).Applied.Index);
        }
        catch (StoreDamagedException)
        {
            // Refused: as good as found.
        }
    }
}
