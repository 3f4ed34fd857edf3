using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>Snapshots of which groups a node has; and groups that come and go while their shard runs.</summary>
public sealed class GroupDirectoryTests : IDisposable
{
    private readonly ShardFixture _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_snapshot_does_not_change_when_groups_come_and_go()
    {
        var one = GroupDirectory.Empty.With(_node.Shard, _node.Replica.View);
        var two = one.With(_node.Shard, new GroupView(7, _node.Replica.Machine));
        var rest = two.Without(1);
        Assert.Equal((1L, 2L, 3L), (one.Version, two.Version, rest.Version));
        Assert.Equal([1U], one.Views.Select(v => v.Group));
        Assert.Equal([1U, 7U], two.Views.Select(v => v.Group));
        Assert.Equal([7U], rest.Views.Select(v => v.Group));
        Assert.True(one.TryFind(1, out var found));
        Assert.Same(_node.Shard, found.Shard);
        Assert.False(one.TryFind(7, out _) || rest.TryFind(1, out _) || rest.TryFind(8, out _) || rest.TryFind(uint.MaxValue, out _) || GroupDirectory.Empty.TryFind(0, out _));
        Assert.Same(rest, rest.Without(1));
    }

    [Fact]
    public void A_group_that_comes_while_the_shard_runs_serves_and_one_that_goes_tells_who_waits()
    {
        _node.Run(1000);
        var second = _node.AddGroup(2);
        _node.Run(1000);
        var write = _node.Write("k", "1", group: 2);
        _node.Run(100);
        Assert.Equal(OperationStatus.Completed, write.Status);
        _node.DiskHangs = true;
        var waiting = _node.Write("k", "2", group: 2);
        var other = _node.Write("k", "2");
        // Once its entry is durable the group would go on, by what waits for that.
        var wentOn = false;
        _node.Shard.Batch.Defer(second, () => wentOn = true);
        _node.Run(10);
        _node.Shard.Remove(second, "the group was removed");
        Assert.Equal(OperationStatus.OutcomeUnknown, waiting.Status);
        Assert.Equal(long.MinValue, second.View.LeaseUntil);
        _node.DiskHangs = false;
        _node.DiskAnswers();
        _node.Run(100);
        Assert.Equal(OperationStatus.Completed, other.Status);
        Assert.False(wentOn);
        var late = _node.Write("k", "3", group: 2);
        _node.Run(10);
        Assert.Equal(OperationStatus.Unavailable, late.Status);
        Assert.Null(_node.Shard.Replica(2));
    }
}
