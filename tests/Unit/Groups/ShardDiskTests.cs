using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Engine.State.Encoding;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>What a shard does while a disk is full or does not answer, and when it is well again.</summary>
public class ShardDiskTests
{
    [Fact]
    public void A_full_store_refuses_writes_serves_reads_and_heals_without_a_restart()
    {
        using var node = new ShardFixture();
        node.Run(700);
        var before = node.Write("k", "1");
        node.Run(10);
        Assert.Equal(OperationStatus.Completed, before.Status);

        // One write is committed but not applied when the disk fills: it must wait, not be lost, and not be applied.
        node.DiskHangs = true;
        var underWay = node.Write("k", "2");
        node.Run(1);
        node.Store.IsDiskFull = true;
        node.DiskAnswers();
        node.Run(5);
        var applied = node.Replica.Machine.Applied.Index;
        Assert.Equal(OperationStatus.Pending, underWay.Status);
        Assert.True(node.Replica.Core.CommitIndex > applied);

        var refused = node.Write("k", "3");
        node.Run(100);
        Assert.Equal(OperationStatus.Unavailable, refused.Status);
        Assert.Contains("full", refused.Reason, StringComparison.Ordinal);
        Assert.Equal(applied, node.Replica.Machine.Applied.Index);

        node.Store.IsDiskFull = false;
        node.Run(5);
        Assert.Equal(OperationStatus.Completed, underWay.Status);
        var after = node.Write("k", "4");
        node.Run(10);
        Assert.Equal(OperationStatus.Completed, after.Status);
        Assert.Null(node.Failure);
    }

    [Fact]
    public void Writes_wait_for_a_store_that_is_short_of_space_for_a_moment()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.Store.IsShortOfSpace = true;
        var write = node.Write("k", "1");
        node.Run(500);
        Assert.Equal(OperationStatus.Pending, write.Status);
        node.Store.IsShortOfSpace = false;
        node.Run(5);
        Assert.Equal(OperationStatus.Completed, write.Status);
    }

    [Fact]
    public void A_store_that_stays_short_of_space_takes_only_what_removes()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.Write("k", "1");
        node.Run(10);
        node.Store.IsShortOfSpace = true;
        var waiting = node.Write("k", "2");
        node.Run(1100);
        Assert.Equal(OperationStatus.Unavailable, waiting.Status);
        Assert.Contains("full", waiting.Reason, StringComparison.Ordinal);
        var refused = node.Write("k", "3");
        var removed = node.Delete("k");
        node.Run(10);
        Assert.Equal(OperationStatus.Unavailable, refused.Status);
        Assert.Equal(OperationStatus.Completed, removed.Status);
        node.Store.IsShortOfSpace = false;
        node.Run(10);
        var after = node.Write("k", "4");
        node.Run(10);
        Assert.Equal(OperationStatus.Completed, after.Status);
        Assert.Null(node.Failure);
    }

    [Fact]
    public void Reads_go_on_while_the_store_is_full_and_nothing_waits_to_be_applied()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.Write("k", "1");
        node.Run(10);
        node.Store.IsDiskFull = true;
        node.Run(50);
        var read = node.Read("k");
        node.Run(10);
        Assert.Equal(OperationStatus.Completed, read.Status);
        Assert.Equal("1"u8, new CommandResult(read.Result.Span).Body[8..]);
    }

    /// <summary>Nobody else leads who could be asked, and what the read would have to see cannot be applied: it is refused with the reason, long before its deadline.</summary>
    [Fact]
    public void A_read_that_waits_for_a_full_store_and_for_nobody_else_is_refused_with_the_reason()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.DiskHangs = true;
        node.Write("k", "1");
        node.Run(1);
        node.Store.IsDiskFull = true;
        node.DiskAnswers();
        node.Run(5);
        var read = node.Read("k");
        node.Run(500);
        Assert.Equal(OperationStatus.Pending, read.Status);
        node.Run(200);
        Assert.Equal(OperationStatus.Unavailable, read.Status);
        Assert.Contains("the disk under this node's store is full", read.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_without_space_fails_alone_and_is_tried_again()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.Store.RefusedCheckpoints = 1;
        node.Shard.Checkpoints.Demand();
        node.Run(5);
        Assert.Equal(1, node.Shard.Checkpoints.Refused);
        Assert.Equal(0, node.Shard.Checkpoints.Completed);
        Assert.Null(node.Failure);
        var write = node.Write("k", "1");
        node.Run(10);
        Assert.Equal(OperationStatus.Completed, write.Status);
        Assert.True(node.Shard.NextDeadline < long.MaxValue, "an idle shard would never try again");
        node.Run(1_100);
        Assert.Equal(1, node.Shard.Checkpoints.Completed);
    }

    [Fact]
    public void Who_waits_for_a_checkpoint_hears_of_one_that_holds_all_that_was_applied()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.Write("k", "1");
        node.Run(10);
        var saved = 0UL;
        node.Shard.Checkpoints.WhenSaved(() => saved = node.Replica.Machine.Applied.Index);
        Assert.Equal(0UL, saved);
        var applied = node.Replica.Machine.Applied.Index;
        node.Run(20);
        Assert.Equal((applied, 1L), (saved, node.Shard.Checkpoints.Completed));
        // Nothing was applied since.
        saved = 0;
        node.Shard.Checkpoints.WhenSaved(() => saved = 1);
        Assert.Equal(1UL, saved);
        Assert.Equal(1L, node.Shard.Checkpoints.Completed);
        node.Write("k", "2");
        node.Run(10);
        node.Store.RefusedCheckpoints = 1;
        saved = 0;
        node.Shard.Checkpoints.WhenSaved(() => saved = 2);
        node.Run(20);
        Assert.Equal(2UL, saved);
    }

    [Fact]
    public void No_checkpoint_begins_while_the_store_is_full()
    {
        using var node = new ShardFixture();
        node.Run(700);
        node.Store.IsDiskFull = true;
        node.Shard.Checkpoints.Demand();
        node.Run(100);
        Assert.Equal(0, node.Shard.Checkpoints.Completed);
        node.Store.IsDiskFull = false;
        node.Run(5);
        Assert.Equal(1, node.Shard.Checkpoints.Completed);
    }

    [Fact]
    public void Writes_wait_while_the_log_confirms_nothing_and_end_at_their_deadline()
    {
        using var node = new ShardFixture();
        node.Run(700);
        Assert.Equal(RaftRole.Leader, node.Replica.Core.Role);
        node.DiskHangs = true;
        var underWay = node.Write("k", "1");
        node.Run(250);
        Assert.Null(node.Shard.Health.RefusalOfProposals);
        node.Run(100);
        Assert.NotNull(node.Shard.Health.RefusalOfProposals);
        var waiting = node.Write("k", "2");
        node.Run(100);
        Assert.Equal(OperationStatus.Pending, waiting.Status);
        node.DiskAnswers();
        node.Run(20);
        Assert.Null(node.Shard.Health.RefusalOfProposals);
        Assert.Equal((OperationStatus.Completed, OperationStatus.Completed), (underWay.Status, waiting.Status));

        node.DiskHangs = true;
        node.Write("k", "3");
        node.Run(400);
        var tooLong = node.Write("k", "4");
        node.Run(4_900);
        Assert.Equal(OperationStatus.Pending, tooLong.Status);
        node.Run(200);
        Assert.Equal(OperationStatus.Unavailable, tooLong.Status);
        Assert.Contains("does not answer", tooLong.Reason, StringComparison.Ordinal);
    }
}
