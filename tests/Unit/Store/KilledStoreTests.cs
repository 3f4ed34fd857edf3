using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

/// <summary>
/// A process is killed at any operation of a checkpoint. The next one recovers what it finds in the page cache, and the log may be cut by that: a power cut must not bring an older state back.
/// </summary>
public sealed class KilledStoreTests
{
    private const string Home = "/node/store-0";

    private SimulatedFileSystem _files = new("/node");

    [Fact]
    public void What_the_store_on_FASTER_recovered_is_durable() =>
        What_was_recovered_is_durable(files => FasterStateStore.Open(files, Home, StoreFixture.Small));

    [Fact]
    public void What_the_store_in_memory_recovered_is_durable() =>
        What_was_recovered_is_durable(files => MemoryStateStore.Open(files, Home));

    [Fact]
    public void The_directory_of_a_store_is_durable_before_the_store_is_used()
    {
        var synced = new List<string>();
        for (var i = 1; i < 20; i++)
        {
            _files.FailAtOperation(i, (kind, path) =>
            {
                if (kind == DeviceOperation.Sync)
                    synced.Add(path);
                return null;
            });
        }

        MemoryStateStore.Open(_files, Home).Dispose();
        Assert.Equal([Path.GetDirectoryName(Home)!, Home], synced);
        synced.Clear();
        FasterStateStore.Open(_files, Home, StoreFixture.Small).Dispose();
        Assert.Equal([Path.GetDirectoryName(Home)!, Home], synced.Take(2));
    }

    private void What_was_recovered_is_durable(Func<SimulatedFileSystem, IStateStore> open)
    {
        Run(open, failAt: long.MaxValue);
        var operations = _files.Operations;
        Assert.InRange(operations, 10, 300);
        for (var killedAt = 1; killedAt <= operations; killedAt++)
        {
            Run(open, killedAt);
            // Only what was there before can have been killed.
            for (var i = _files.Operations + 1; i < _files.Operations + 300; i++)
                _files.FailAtOperation(i, (_, _) => null);
            var recovered = Recover(open);
            var before = _files;
            for (var seed = 1UL; seed <= 12; seed++)
            {
                _files = before.Crash(seed);
                var left = Recover(open);
                Assert.True(left >= recovered, $"killed at operation {killedAt}: recovered up to entry {recovered}, and only up to {left} after a power cut (seed {seed})");
            }
        }
    }

    /// <summary>Three checkpoints, or as many as there are before the end.</summary>
    private void Run(Func<SimulatedFileSystem, IStateStore> open, long failAt)
    {
        _files = new SimulatedFileSystem("/node");
        if (failAt < long.MaxValue)
            _files.FailAtOperation(failAt, (kind, path) => new IOException($"killed at a {kind} of {path}"));
        try
        {
            using var store = open(_files);
            for (ulong i = 1; i <= 3; i++)
            {
                var group = store.Open(1);
                for (var key = 0; key < 40; key++)
                    group.Write(Keyspace.User, StoreFixture.Key(key), new RecordHeader(i, 0), StoreFixture.Value((int)i, 500));
                group.CompleteEntry(new AppliedPosition(i, 1, 0));
                Assert.True(store.TryBeginCheckpoint());
                while (store.PollCheckpoint() is null)
                {
                }
            }
        }
        catch (Exception e) when (e is IOException or StoreFailedException)
        {
            // The end of the first process.
        }
    }

    private ulong Recover(Func<SimulatedFileSystem, IStateStore> open)
    {
        using var store = open(_files);
        return store.Open(1).Applied.Index;
    }
}
