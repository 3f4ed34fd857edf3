using RaftKv.Consensus.Raft;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>Nodes that forget, or might: what they acknowledged and voted counts for the others.</summary>
public sealed class LostPromiseTests
{
    /// <summary>
    /// Reliability scenario 14, rabbitmq/ra#637: the mark up to which a log is durable is not lowered when its tail is overwritten, so the new entries are acknowledged by the old ones' sync.
    /// The power fails right after the acknowledgement has made a write count.
    /// </summary>
    [Fact]
    public void What_overwrites_a_durable_tail_is_acknowledged_only_when_it_is_durable_itself() => Stage.Play(Stage.Nodes(3) with { Shards = 2 }, stage =>
    {
        var old = stage.AwaitLeader();
        stage.Ask(old, "SET", "x", "before");
        stage.Pass(100 * Millisecond);
        var last = Stage.Replica(old).Core.LastIndex;
        var tailTerm = Stage.Replica(old).Core.Term;
        stage.Isolate(old);
        for (var i = 0; i < 5; i++)
            stage.Begin(old, "SET", "x", $"tail {i}");
        stage.Until(() => old.Ledger.Group(1).LastIndex == last + 5, "the old leader's disk holds its tail");

        var next = stage.AwaitLeader(otherThan: old);
        var third = stage.Others(old, next)[0];

        // It learns of the term before it hears of the entries: else the acknowledgement would wait for the term's sync, and with it for theirs.
        stage.JoinOneWay(old, third);
        stage.JoinOneWay(third, old);
        stage.Until(() => old.Ledger.Group(1).Term > tailTerm, "the old leader's disk knows the new term");
        Stage.Assert(old.Ledger.Group(1).TermAt(last + 2) == tailTerm, "the tail is gone already");
        stage.Kill(third);
        stage.HangDisk(old, 1500 * Millisecond);
        stage.Heal();
        var write = stage.Begin(next, "SET", "x", "after");
        stage.Until(() => Stage.Replica(old).Core is var core && core.Term > tailTerm && core.LastIndex >= last + 2 && core.TermOf(last + 2) > tailTerm, "the tail is overwritten in memory", 1400 * Millisecond);
        Stage.Assert(old.Faults.HungUntil > stage.Now + (50 * Millisecond), "the disk does not hang long enough");
        stage.Pass(old.Faults.HungUntil - stage.Now - Millisecond);
        Stage.Assert(old.Ledger.Group(1).TermAt(last + 2) == tailTerm, "the disk holds more than it has confirmed");
        Stage.Assert(!write.IsCompleted && Stage.Replica(next).Core.CommitIndex < last + 2, "a write counts that one disk holds");

        Stage.Assert(stage.Await(write) is { IsError: false }, "the write was not done");
        stage.CutPower(old);
        stage.Kill(next);
        stage.Start(old);
        stage.Start(third);
        Stage.Assert(stage.AskUntilDone(third, "GET", "x").Text == "after", "an acknowledged write is lost");
    });

    /// <summary>
    /// Reliability scenario 18, rethinkdb#5289: a replica that lost its data comes back under its identity and votes, with the vote of one that never had an acknowledged write, for a leader without it.
    /// </summary>
    [Fact]
    public void A_wiped_node_under_its_old_identity_is_refused_by_its_peers_and_does_not_vote() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        var (ignorant, wiped) = (stage.Others(leader)[0], stage.Others(leader)[1]);
        stage.Isolate(ignorant);
        stage.Pass(Second);
        leader = stage.AwaitLeader();
        Stage.Assert(leader != ignorant && stage.Ask(leader, "SET", "x", "1") is { IsError: false }, "the majority takes no write");
        wiped = stage.Others(leader, ignorant)[0];
        stage.Kill(leader);
        stage.Wipe(wiped);
        stage.Heal();
        stage.Start(wiped);
        for (var i = 0; i < 500; i++)
        {
            stage.Pass(10 * Millisecond);
            Stage.Assert(Stage.Replica(ignorant).Core.Role != RaftRole.Leader, "a wiped node's vote made a leader");
        }

        Stage.Assert(wiped.Process is null && wiped.IsGivenUp, "the wiped node goes on although its peers have known it otherwise");
        stage.Start(leader);
        Stage.Assert(stage.AskUntilDone(ignorant, "GET", "x").Text == "1", "an acknowledged write is lost");
    });

    /// <summary>Reliability scenario 23, nats-server#7567: one node's power fails and takes what it had not synced, while another stands still; the two are the majority that goes on.</summary>
    [Fact]
    public void A_power_cut_of_one_node_while_another_stands_still_loses_no_acknowledged_write() => Stage.Play(Stage.Nodes(3) with { SyncTime = 2 * Millisecond }, stage =>
    {
        var acknowledged = 0;
        for (var round = 0; round < 24; round++)
        {
            var leader = stage.AwaitLeader();
            var (sleeper, loser) = (stage.Others(leader)[round % 2], stage.Others(leader)[1 - (round % 2)]);
            stage.Pause(sleeper, 350 * Millisecond);
            stage.AwaitLost(leader, sleeper);
            var write = stage.Begin(leader, "SET", $"k{round}", "1");
            stage.Pass(round * 300 * Microsecond);
            stage.CutPower(loser);
            acknowledged += write.IsCompleted ? 1 : 0;
            stage.Pass(20 * Millisecond);
            stage.Pause(leader, Second);
            stage.Start(loser);
            Stage.Assert(stage.AskUntilDone(sleeper, "SET", "round", $"{round}") is { IsError: false }, "the other two do not go on");
            stage.AskUntilDone(loser, "GET", $"k{round}");
            stage.Pass(1200 * Millisecond);
            Stage.Assert(stage.Await(write) is not { IsError: false } || stage.AskUntilDone(loser, "GET", $"k{round}").Text == "1", $"the write of round {round} is lost");
        }

        Stage.Assert(acknowledged is > 4 and < 24, $"{acknowledged} writes were acknowledged in time: the power does not fail around the acknowledgement");
    });
}
