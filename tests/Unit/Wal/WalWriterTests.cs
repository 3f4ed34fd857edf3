using RaftKv.Engine.Io;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;
using Xunit;

namespace RaftKv.Tests.Unit.Wal;

public sealed class WalWriterTests : WalFixture
{
    [Fact]
    public void Everything_posted_meanwhile_shares_one_sync_and_owners_are_told_in_order()
    {
        var log = Open();
        using var writer = new WalWriter(log);
        var told = new Recorder();
        var batches = Enumerable.Range(1, 5).Select(i => Entries(1, (ulong)i, (ulong)i)).ToList();
        batches.ForEach(b => writer.Post(b, told));
        var syncs = Files.Syncs;
        Assert.Empty(told.Told);
        Assert.True(writer.RunOnce());
        Assert.Equal(syncs + 1, Files.Syncs);
        Assert.Equal(batches, told.Told.Select(t => t.Batch));
        Assert.All(told.Told, t => Assert.Null(t.Failure));
    }

    [Fact]
    public void With_nothing_posted_it_seals_prepares_segments_and_comes_to_rest()
    {
        var log = Open();
        using var writer = new WalWriter(log);
        writer.Post(Entries(1, 1, 1), new Recorder());
        var steps = 0;
        while (writer.RunOnce())
            Assert.True(++steps < 100);
        Assert.Equal(2, log.Statistics.SpareSegments);
        Assert.Equal(2, log.Statistics.Frames);
    }

    [Fact]
    public void After_a_failed_sync_every_batch_fails_also_those_yet_to_come()
    {
        var log = Open();
        using var writer = new WalWriter(log);
        var told = new Recorder();
        Files.FailSync(1);
        writer.Post(Entries(1, 1, 1), told);
        writer.RunOnce();
        writer.Post(HardState(1, 2, 2), told);
        writer.RunOnce();
        Assert.Equal(2, told.Told.Count);
        Assert.All(told.Told, t => Assert.IsType<WalFailedException>(t.Failure));
        Assert.NotNull(writer.Failure);
    }

    [Fact]
    public void On_a_full_disk_a_target_s_later_batches_are_refused_until_it_knows_and_others_go_on()
    {
        var log = Open();
        using var writer = new WalWriter(log);
        while (writer.RunOnce())
        {
        }

        Files.Capacity = Files.Used;
        Recorder one = new(), two = new();
        for (ulong i = 1; one.Told.All(t => t.Failure is null); i++)
        {
            Assert.True(i < 100);
            writer.Post(Entries(1, i, i, size: 3000), one);
            writer.RunOnce();
        }

        one.Told.Clear();
        var last = log.Index.Groups.Single(g => g.Group == 1).Last;
        WalBatch refused = Entries(1, last + 1, last + 1, size: 3000), follower = Entries(1, last + 2, last + 2), other = HardState(2, 5, 1);
        refused.AfterRefusal = true;
        writer.Post(refused, one);
        writer.Post(other, two);
        writer.Post(follower, one);
        for (var i = 0; i < 6; i++)
            writer.RunOnce();
        Assert.Equal([refused, follower], one.Told.Select(t => t.Batch));
        Assert.All(one.Told, t => Assert.IsType<DiskFullException>(t.Failure));
        Assert.Null(Assert.Single(two.Told).Failure);

        Files.Capacity = long.MaxValue;
        one.Told.Clear();
        writer.Post(refused, one);
        writer.Post(follower, one);
        for (var i = 0; i < 6; i++)
            writer.RunOnce();
        Assert.All(one.Told, t => Assert.Null(t.Failure));
        Assert.Equal(last + 2, Open().Recovery.Groups[1].LastIndex);
    }

    [Fact]
    public void The_thread_makes_durable_what_several_threads_post_and_stops_sealed()
    {
        var log = Open(new WalOptions { SegmentSize = 1 << 20, FirstSegmentSize = 1 << 20 });
        using (var writer = new WalWriter(log))
        {
            writer.Start();
            var posters = Enumerable.Range(1, 3).Select(g => new Thread(() =>
            {
                var done = new Waiter();
                for (ulong i = 1; i <= 300; i++)
                {
                    writer.Post(Entries((uint)g, i, i), done);
                    if (i % 3 == 0)
                        done.WaitFor((int)i);
                }
            })).ToList();
            posters.ForEach(t => t.Start());
            posters.ForEach(t => t.Join());
        }

        var again = Open(new WalOptions { SegmentSize = 1 << 20, FirstSegmentSize = 1 << 20 });
        Assert.All(again.Recovery.Groups.Values, g => Assert.Equal(300UL, g.LastIndex));
        Assert.Equal(3, again.Recovery.Groups.Count);
        Assert.False(again.Seal());
    }

    /// <summary>Blocks until so many batches are durable.</summary>
    private sealed class Waiter : IWalCompletion
    {
        private readonly object _gate = new();
        private int _count;

        public void OnDurable(WalBatch batch)
        {
            lock (_gate)
            {
                _count++;
                Monitor.Pulse(_gate);
            }
        }

        public void OnFailed(WalBatch batch, Exception exception) => throw exception;

        public void WaitFor(int count)
        {
            lock (_gate)
            {
                while (_count < count)
                    Monitor.Wait(_gate);
            }
        }
    }
}
