using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Shards;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>A thread may stand still between any two lines, and other threads go on meanwhile.</summary>
public class ShardTimeTests
{
    [Fact]
    public void What_came_in_while_a_turn_stood_still_is_not_served_at_the_time_at_which_the_turn_began()
    {
        using var node = new ShardFixture();
        node.Run(700);
        ShardFixture.TestOperation? read = null;
        var asked = 0L;
        // The turn has looked at the clock; before it comes to the end of its inbox it stands still for a second, and a caller asks then.
        node.Shard.Inbox.Post(() =>
        {
            node.Pass(1_000);
            asked = node.Now;
            read = node.Read("k");
        });
        node.Shard.Turn();
        Assert.Equal(OperationStatus.Completed, read!.Status);
        Assert.True(read.CompletedAt >= asked, $"asked at {asked}, served at {read.CompletedAt}: a lease of then proves nothing");
    }
}
