using System.Buffers.Binary;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Sessions;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>What a follower forwards to its leader, and what becomes of it when the leader says something else than "done", or nothing.</summary>
public class ForwardedOperationTests
{
    private const ulong Leader = 2;

    /// <summary>
    /// The first of two writes is not taken, and the second meets an evicted session and gets a number of the next; then the first does too, and a later number. The first still stands in front of the list, and
    /// its number was taken for the oldest outstanding one: the second's result might be forgotten before it is known.
    /// </summary>
    [Fact]
    public void No_write_is_called_acknowledged_while_one_that_changed_its_session_is_outstanding()
    {
        using var node = Follower();
        var (first, second) = (node.Write("a", "1"), node.Write("b", "1"));
        node.Shard.Turn();
        node.HearAnswer(Leader, Assert.Single(node.TakeForwards(Leader)).Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 7));
        var inFirst = node.TakeForwards(Leader);
        Assert.Equal([(7UL, 1UL), (7UL, 2UL)], inFirst.Select(f => IdentityOf(f.Command)));

        node.HearAnswer(Leader, inFirst[0].Request, ForwardAnswer.NotTaken, []);
        node.HearAnswer(Leader, inFirst[1].Request, ForwardAnswer.Done, Result(ResultStatus.UnknownSession, 0));
        node.Run(20);
        var again = node.TakeForwards(Leader);
        var opening = again.Single(f => CommandEnvelope.Kind(f.Command) == CommandKind.OpenSession);
        node.HearAnswer(Leader, opening.Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 8));
        var moved = Assert.Single(node.TakeForwards(Leader));
        Assert.Equal((8UL, 1UL), IdentityOf(moved.Command));
        node.HearAnswer(Leader, again.Single(f => CommandEnvelope.Kind(f.Command) == CommandKind.Put).Request, ForwardAnswer.Done, Result(ResultStatus.UnknownSession, 0));
        var later = Assert.Single(node.TakeForwards(Leader));
        Assert.Equal((8UL, 2UL), IdentityOf(later.Command));
        Assert.True(CommandEnvelope.AcknowledgedBelow(later.Command) <= 1, "the write with number 1 is called acknowledged while it is outstanding");

        node.HearAnswer(Leader, later.Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 9));
        node.HearAnswer(Leader, moved.Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 10));
        Assert.Equal((OperationStatus.Completed, OperationStatus.Completed), (first.Status, second.Status));
        node.Write("c", "1");
        node.Shard.Turn();
        Assert.Equal(3UL, CommandEnvelope.AcknowledgedBelow(Assert.Single(node.TakeForwards(Leader)).Command));
    }

    /// <summary>Its first leader may have applied it before the session was evicted: under another number it could be applied a second time.</summary>
    [Fact]
    public void A_write_that_was_handed_out_twice_and_meets_an_ended_session_has_an_unknown_outcome()
    {
        using var node = Follower();
        var write = node.Write("a", "1");
        node.Shard.Turn();
        node.HearAnswer(Leader, Assert.Single(node.TakeForwards(Leader)).Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 7));
        Assert.Equal((7UL, 1UL), IdentityOf(Assert.Single(node.TakeForwards(Leader)).Command));
        node.Hear(new Heartbeat { From = 3, To = 1, Term = 6, CommitIndex = 0, SentAt = node.Now });
        node.Run(20);
        var again = Assert.Single(node.TakeForwards(3));
        Assert.Equal((7UL, 1UL), IdentityOf(again.Command));
        node.HearAnswer(3, again.Request, ForwardAnswer.Done, Result(ResultStatus.UnknownSession, 0));
        Assert.Equal(OperationStatus.OutcomeUnknown, write.Status);
    }

    /// <summary>A frame may be lost while its connection stands (its queue was full): every later write of this node on the group waited for the session until the leader changed.</summary>
    [Fact]
    public void A_session_whose_opening_was_lost_is_opened_again()
    {
        using var node = Follower();
        var write = node.Write("a", "1");
        node.Shard.Turn();
        Assert.Single(node.TakeForwards(Leader));
        Lead(node, 1_000);
        var again = node.TakeForwards(Leader);
        Assert.InRange(again.Count, 1, 4);
        node.HearAnswer(Leader, again[^1].Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 7));
        node.HearAnswer(Leader, Assert.Single(node.TakeForwards(Leader)).Request, ForwardAnswer.Done, Result(ResultStatus.Ok, 8));
        Assert.Equal(OperationStatus.Completed, write.Status);
    }

    [Fact]
    public void A_read_of_a_node_whose_store_is_full_is_served_by_the_leader_and_asked_again_when_that_says_nothing()
    {
        using var node = Follower();
        node.Store.IsDiskFull = true;
        node.Shard.Turn();
        var read = node.Read("k");
        node.Shard.Turn();
        var asked = Assert.Single(node.TakeForwards(Leader));
        Assert.Equal(CommandKind.Get, CommandEnvelope.Kind(asked.Command));
        Lead(node, 400);
        var again = Assert.Single(node.TakeForwards(Leader));
        Assert.NotEqual(asked.Request, again.Request);
        node.HearAnswer(Leader, again.Request, ForwardAnswer.NotTaken, []);
        Lead(node, 20);
        var third = Assert.Single(node.TakeForwards(Leader));
        node.HearAnswer(Leader, third.Request, ForwardAnswer.Done, Result(ResultStatus.NotFound, 5));
        Assert.Equal(OperationStatus.Completed, read.Status);
        Assert.Equal(ResultStatus.NotFound, new CommandResult(read.Result.Span).Status);
    }

    /// <summary>The later read may follow a write that the earlier answer knows nothing of.</summary>
    [Fact]
    public void The_answer_to_an_earlier_question_serves_no_later_read()
    {
        using var node = Follower();
        node.Hear(new AppendEntries { From = Leader, To = 1, Term = 5, PreviousIndex = 0, PreviousTerm = 0, CommitIndex = 1, SentAt = node.Now, Entries = [new LogEntry(1, 5, EntryKind.NoOp, 0, Array.Empty<byte>())] });
        node.Run(1);
        Assert.Equal(1UL, node.Replica.Machine.Applied.Index);
        var earlier = node.Read("a");
        node.Shard.Turn();
        var asked = Assert.Single(Asked(node));
        var later = node.Read("a");
        node.Shard.Turn();
        var askedLater = Assert.Single(Asked(node));
        node.Hear(new ReadIndexResponse { From = Leader, To = 1, Term = 5, Context = asked.Context, Index = 1 });
        node.Shard.Turn();
        Assert.Equal((OperationStatus.Completed, OperationStatus.Pending), (earlier.Status, later.Status));
        node.Hear(new ReadIndexResponse { From = Leader, To = 1, Term = 5, Context = askedLater.Context, Index = 1 });
        node.Shard.Turn();
        Assert.Equal(OperationStatus.Completed, later.Status);
    }

    /// <summary>The read indices that were asked of the leader since the last look.</summary>
    private static List<ReadIndexRequest> Asked(ShardFixture node)
    {
        var asked = new List<ReadIndexRequest>();
        foreach (var (peer, frame) in node.Sent)
        {
            for (var position = 1; peer == Leader && frame[0] == (byte)FrameKind.Raft && position < frame.Length;)
            {
                Assert.True(MessageCodec.TryRead(frame, ref position, out _, out var message));
                if (message is ReadIndexRequest request)
                    asked.Add(request);
            }
        }

        node.Sent.Clear();
        return asked;
    }

    private static ShardFixture Follower()
    {
        var node = new ShardFixture(3);
        node.Connect(Leader);
        node.Connect(3);
        Lead(node, 1);
        Assert.Equal(Leader, node.Replica.Core.Leader);
        node.Sent.Clear();
        return node;
    }

    /// <summary>Time passes, and the leader is heard all the while.</summary>
    private static void Lead(ShardFixture node, int milliseconds)
    {
        for (var passed = 0; passed < milliseconds; passed += 20)
        {
            node.Hear(new Heartbeat { From = Leader, To = 1, Term = 5, CommitIndex = 0, SentAt = node.Now });
            node.Run(Math.Min(20, milliseconds - passed));
        }
    }

    private static (ulong Session, ulong Sequence) IdentityOf(ReadOnlySpan<byte> command) => (CommandEnvelope.Session(command), CommandEnvelope.Sequence(command));

    private static byte[] Result(ResultStatus status, ulong revision)
    {
        var result = new byte[CommandResult.HeadSize];
        result[0] = (byte)status;
        BinaryPrimitives.WriteUInt64LittleEndian(result.AsSpan(1), revision);
        return result;
    }
}
