using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>When a node says that it serves, and when it stops saying so: a shard turned by hand, looked at each millisecond.</summary>
public sealed class NodeReadinessTests
{
    [Fact]
    public void A_node_is_ready_when_it_has_served_for_a_while_and_not_before_it_has_a_leader()
    {
        using var node = new ShardFixture();
        var readiness = Of(node);
        Assert.False(readiness.IsReady);
        readiness.Sample(0);
        Assert.Equal("it has not started yet", Assert.Single(readiness.Groups).Reason);
        while (node.Replica.Core.Leader == 0)
        {
            Run(node, readiness, 1);
            Assert.False(readiness.IsReady);
        }

        Run(node, readiness, 200);
        Assert.False(readiness.IsReady);
        Run(node, readiness, 60);
        Assert.True(readiness.IsReady);
        Assert.Empty(readiness.Groups);
    }

    [Fact]
    public void A_node_that_hears_nobody_is_not_ready()
    {
        using var node = new ShardFixture(members: 3);
        var readiness = Of(node);
        Run(node, readiness, 3_000);
        Assert.False(readiness.IsReady);
        Assert.Equal(new GroupReadiness(1, "no leader is known"), Assert.Single(readiness.Groups));
    }

    [Fact]
    public void A_full_disk_counts_at_once_and_a_well_one_after_a_while()
    {
        using var node = new ShardFixture();
        var readiness = Of(node);
        Run(node, readiness, 1_000);
        Assert.True(readiness.IsReady);
        node.Store.IsDiskFull = true;
        Run(node, readiness, 1);
        Assert.False(readiness.IsReady);
        Assert.Contains("full", Assert.Single(readiness.Groups).Reason, StringComparison.Ordinal);
        node.Store.IsDiskFull = false;
        Run(node, readiness, 240);
        Assert.False(readiness.IsReady);
        Run(node, readiness, 20);
        Assert.True(readiness.IsReady);
    }

    [Fact]
    public void A_pause_of_the_disk_is_tolerated_and_a_hang_is_not()
    {
        using var node = new ShardFixture();
        var readiness = Of(node);
        Run(node, readiness, 1_000);
        for (var pause = 0; pause < 10; pause++)
        {
            node.DiskHangs = true;
            var write = node.Write("k", "v");
            Run(node, readiness, 600);
            Assert.True(readiness.IsReady);
            Assert.Equal(OperationStatus.Pending, write.Status);
            node.DiskAnswers();
            Run(node, readiness, 20);
            Assert.Equal(OperationStatus.Completed, write.Status);
        }

        node.DiskHangs = true;
        node.Write("k", "v");
        Run(node, readiness, 900);
        Assert.False(readiness.IsReady);
        Assert.Contains("does not answer", Assert.Single(readiness.Groups).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_does_not_make_it_flap()
    {
        using var node = new ShardFixture();
        var readiness = Of(node);
        Run(node, readiness, 1_000);
        for (var i = 0; i < 3_000; i++)
        {
            node.Write("k" + i, "v");
            // Each write is committed some turns after it was taken, and there is always one under way.
            node.DiskHangs = i % 4 != 3;
            if (!node.DiskHangs)
                node.DiskAnswers();
            Run(node, readiness, 1);
            Assert.True(readiness.IsReady);
        }
    }

    [Fact]
    public void A_shard_that_does_not_move_and_a_node_that_stops_are_not_ready()
    {
        using var node = new ShardFixture();
        string? stops = null;
        var readiness = Of(node, () => stops);
        Run(node, readiness, 1_000);
        Assert.True(readiness.IsReady);
        for (var i = 0; i < 4_000; i++)
        {
            node.Pass(1);
            readiness.Sample(node.Now);
        }

        Assert.False(readiness.IsReady);
        Assert.Contains("has not moved", Assert.Single(readiness.Groups).Reason, StringComparison.Ordinal);
        Run(node, readiness, 1_000);
        Assert.True(readiness.IsReady);
        stops = "this node is stopping";
        Assert.False(readiness.IsReady);
        Assert.Equal(stops, readiness.Reason);
    }

    private static NodeReadiness Of(ShardFixture node, Func<string?>? stops = null) => new(() => GroupDirectory.Empty.With(node.Shard, node.Replica.View), stops ?? (() => null));

    private static void Run(ShardFixture node, NodeReadiness readiness, int milliseconds)
    {
        for (var i = 0; i < milliseconds; i++)
        {
            node.Run(1);
            readiness.Sample(node.Now);
        }
    }
}
