using RaftKv.Engine;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>A follower that was away for longer than the log reaches back receives an image of the state.</summary>
public sealed class ImageTests
{
    /// <summary>Reliability scenario 16, jgroups-raft#301: an image is merged into the state that is there, and what was deleted meanwhile comes back to life.</summary>
    [Fact]
    public void What_was_deleted_while_a_follower_was_away_is_gone_after_its_image() => Stage.Play(Stage.NodesWithShortLogs(3), stage =>
    {
        var leader = stage.AwaitLeader();
        var away = stage.Others(leader)[0];
        stage.Ask(leader, "SET", "deleted", "1");
        stage.Ask(leader, "SET", "kept", "1");
        stage.Ask(leader, "SET", "expires", "1", "PX", "700");
        Stage.Assert(stage.AskUntilDone(away, "GET", "deleted").Text == "1", "the follower does not hold what will be deleted");
        stage.Isolate(away);
        stage.Ask(leader, "DEL", "deleted");
        stage.FillBeyond(leader, away);
        stage.Pass(Second);
        stage.Heal();
        stage.Until(() => Stage.Replica(away).Machine.Applied.Index >= Stage.Replica(leader).Machine.Applied.Index, "the follower catches up");
        Stage.Assert(stage.Saw(Sometimes.ImageInstalled) > 0, "the follower caught up without an image");
        Stage.Assert(stage.AskUntilDone(away, "GET", "deleted").IsNil, "a deleted key came back to life");
        Stage.Assert(stage.AskUntilDone(away, "GET", "expires").IsNil, "an expired key came back to life");
        Stage.Assert(stage.AskUntilDone(away, "GET", "kept").Text == "1", "a key is lost");
        Stage.Assert(stage.AskUntilDone(away, "DBSIZE").Text == stage.AskUntilDone(leader, "DBSIZE").Text, "the number of keys differs");
    });

    /// <summary>
    /// Found by the random simulation: the state of an image was checkpointed, in the image's term, while the disk of the log hung and did not know that term yet. The process was killed,
    /// and the next one refused a store that was ahead of its log in a term that the log had never heard of.
    /// </summary>
    [Fact]
    public void An_image_is_not_checkpointed_before_the_log_durably_knows_its_term() => Stage.Play(Stage.NodesWithShortLogs(3) with { Shards = 2 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var away = stage.Others(leader)[0];
        stage.Isolate(away);
        leader = stage.AwaitLeader(otherThan: away);
        stage.LetLead(stage.Others(leader, away)[0]);
        leader = stage.AwaitLeader(otherThan: away);
        stage.AwaitLost(away, leader);
        stage.FillBeyond(leader, away);
        var term = Stage.Replica(leader).Core.Term;
        Stage.Assert(away.Ledger.Group(1).Term < term, "the node that was away knows the term");
        stage.HangDisk(away, 4 * Second);
        stage.Heal();
        stage.Until(() => Stage.Replica(away).Core.Term == term, "the node hears of the term", 2 * Second);
        stage.Pass(Second);
        Stage.Assert(away.Ledger.Group(1).Term < term, "its disk does not hang");
        stage.Kill(away);
        stage.Start(away);
        Stage.Assert(away.Process is { IsAlive: true }, "the node does not start");
        Stage.Assert(stage.AskUntilDone(away, "GET", "fill 0").Text is not null, "the node holds nothing");
        // The leader serves the read while the disk hangs.
        stage.Until(() => stage.Saw(Sometimes.ImageInstalled) > 0, "an image is installed");
    });

    /// <summary>
    /// Found by the random simulation: entries that were known to be committed become durable on the follower while an image that covers them is being installed, and are handed out for applying behind it.
    /// How far the core was told that it is applied was taken from the state, which the image had brought beyond all that the core had handed out.
    /// </summary>
    [Fact]
    public void Entries_that_become_durable_while_an_image_is_installed_break_nothing() => Stage.Play(Stage.NodesWithShortLogs(3) with { Shards = 2 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var away = stage.Others(leader)[0];
        stage.HangDisk(away, 5 * Second);
        for (var i = 0; i < 10; i++)
            stage.Ask(leader, "SET", "x", $"{i}");
        var core = Stage.Replica(away).Core;
        stage.Until(() => core.CommitIndex >= core.AppliedIndex + 5, "the follower knows entries to be committed that its disk has not confirmed", 200 * Millisecond);
        stage.Isolate(away);
        stage.AwaitLost(away, leader);
        stage.FillBeyond(leader, away);
        var applied = core.AppliedIndex;
        stage.Heal();
        var before = 0UL;
        stage.Until(() => stage.Saw(Sometimes.ImageInstalled) > 0 || (before = core.AppliedIndex) == ulong.MaxValue, "an image is installed");
        Stage.Assert(before == applied && core.AppliedIndex > applied && core.AppliedIndex < Stage.Replica(away).Machine.Applied.Index, "entries were not handed out in the turn that installed the image");
        stage.Until(() => Stage.Replica(away).Machine.Applied == Stage.Replica(leader).Machine.Applied, "the follower catches up");
    });
}
