using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Engine.Store.Faster;
using RaftKv.Engine.Store.Memory;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Store;

/// <summary>A reader that stands within its read of the disk while the shard's thread goes on.</summary>
public sealed class InterposedReadTests
{
    [Fact]
    public void A_reader_that_found_nothing_looks_again_when_a_snapshot_was_installed_meanwhile()
    {
        var files = new InterposedFileSystem(new SimulatedFileSystem());
        using var store = FasterStateStore.Open(files, "/store", StoreFixture.Small);
        var group = store.Open(1);
        Put(group, 1, 0);
        Remove(group, 2, 0);
        // What became of the key lies on disk.
        for (var i = 3UL; i < 400; i++)
            Put(group, i, (int)i);
        using var source = new MemoryStateStore();
        var image = source.Open(1);
        Put(image, 1_000, 0);
        Assert.False(group.IsInMemory(Keyspace.User, StoreFixture.Key(0)));

        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var found = false;
        var reader = new Thread(() =>
        {
            using var value = new PooledBuffer();
            found = group.Read(Keyspace.User, StoreFixture.Key(0), value, out var header) && header.Revision == 1_000;
        });
        files.BeforeRead = _ =>
        {
            if (Thread.CurrentThread != reader)
                return;
            entered.Set();
            leave.Wait();
        };
        reader.Start();
        Assert.True(entered.Wait(TimeSpan.FromMinutes(1)), "the reader does not go to the disk");
        files.BeforeRead = null;
        Install(image, group);
        leave.Set();
        reader.Join();
        Assert.True(found);
    }

    private static void Put(IGroupState group, ulong index, int key)
    {
        group.Write(Keyspace.User, StoreFixture.Key(key), new RecordHeader(index, 0), StoreFixture.Value(key, 300));
        group.CompleteEntry(new AppliedPosition(index, 1, 0));
    }

    private static void Remove(IGroupState group, ulong index, int key)
    {
        Assert.True(group.Remove(Keyspace.User, StoreFixture.Key(key)));
        group.CompleteEntry(new AppliedPosition(index, 1, 0));
    }

    private static void Install(IGroupState from, IGroupState to)
    {
        using var snapshot = from.OpenSnapshot();
        using var writer = to.BeginInstall();
        using var chunk = new PooledBuffer();
        for (; snapshot.ReadChunk(chunk, 4096); chunk.Clear())
            writer.Write(chunk.Span);
        writer.Complete(snapshot.Position);
    }
}
