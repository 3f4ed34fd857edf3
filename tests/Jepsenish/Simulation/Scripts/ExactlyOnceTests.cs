using RaftKv.Engine;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>
/// Reliability scenario 24, cockroach#35261: a command that was applied, and whose answer was lost, is tried again and applied twice. A node forwards an increment, the leader applies it, nothing that
/// the leader says arrives, the leader dies; the node asks the next leader.
/// </summary>
public sealed class ExactlyOnceTests
{
    [Fact]
    public void A_command_that_is_tried_again_with_another_leader_is_applied_once() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        var asker = stage.Others(leader)[0];
        var increment = ApplyWithoutAnswer(stage, leader, asker);
        stage.Kill(leader);
        stage.AwaitLost(asker, leader);
        stage.Heal();
        CountsOnce(stage, asker, increment);
    });

    /// <summary>The next leader knows of the command only from its checkpoint, and from the log behind it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_command_that_is_tried_again_with_a_leader_that_was_restarted_is_applied_once(bool fromCheckpoint) => Stage.Play(
        Stage.Nodes(3) with { CheckpointBytes = fromCheckpoint ? 1 : 1 << 20, RetainedLogBytes = 0 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var (asker, heir) = (stage.Others(leader)[0], stage.Others(leader)[1]);
        var increment = ApplyWithoutAnswer(stage, leader, asker);
        stage.Until(() => Stage.Replica(heir).Machine.Applied.Index >= Stage.Replica(leader).Machine.Applied.Index, "the heir applies it too", 100 * Millisecond);
        stage.Pass(50 * Millisecond);
        Stage.Assert(heir.Process!.Node.Runtime.Shards[0].Checkpoints.Completed > 0 == fromCheckpoint, "checkpoints are not as the script wants them");
        stage.Kill(leader);
        stage.CutPower(heir);
        stage.Start(heir);
        stage.AwaitLost(asker, leader);
        stage.Heal();
        CountsOnce(stage, asker, increment);
    });

    /// <summary>The next leader was away when the command was applied, and knows of it only from an image.</summary>
    [Fact]
    public void A_command_that_is_tried_again_with_a_leader_that_received_an_image_is_applied_once() => Stage.Play(Stage.NodesWithShortLogs(5), stage =>
    {
        var leader = stage.AwaitLeader();
        var (asker, heir) = (stage.Others(leader)[0], stage.Others(leader)[1]);
        stage.Ask(asker, "INCR", "warm");
        stage.Kill(heir);
        stage.Pass(100 * Millisecond);
        var images = stage.Saw(Sometimes.ImageInstalled);
        var increment = ApplyWithoutAnswer(stage, leader, asker);
        for (var i = 0; i < 60; i++)
            stage.Ask(leader, "SET", $"fill {i % 20}", $"{i}");
        stage.Start(heir);
        stage.Until(() => Stage.Replica(heir).Machine.Applied.Index >= Stage.Replica(leader).Machine.Applied.Index, "the heir catches up", 1500 * Millisecond);
        Stage.Assert(stage.Saw(Sometimes.ImageInstalled) > images, "the heir caught up without an image");
        Stage.Assert(!increment.IsCompleted, "the request did not wait for the heir");
        stage.LetLead(heir);
        CountsOnce(stage, asker, increment);
    });

    /// <summary>
    /// Found by seed 100406: the first copy of a forwarded write was applied, its session evicted, the second copy refused as of an unknown session. Whoever believes that gives the write another identity.
    /// </summary>
    [Fact]
    public void A_forwarded_write_that_comes_twice_is_taken_once() => Stage.Play(Stage.Nodes(3), stage =>
    {
        const int Writes = 20;
        var leader = stage.AwaitLeader();
        var asker = stage.Others(leader)[0];
        stage.Ask(asker, "INCR", "warm");
        stage.DoubleFrames();
        var last = Stage.Replica(leader).Core.LastIndex;
        for (var i = 0; i < Writes; i++)
            Stage.Assert(stage.Ask(asker, "INCR", "n") is { IsError: false }, "an increment was refused");
        stage.Pass(Second);
        Stage.Assert(Stage.Replica(leader).Core.LastIndex == last + Writes, $"{Writes} writes made {Stage.Replica(leader).Core.LastIndex - last} entries");
    });

    /// <summary>A leader that can commit nothing takes so much and no more. What it did not take is without effect, and whoever asked may know that.</summary>
    [Fact]
    public void A_forwarded_write_that_no_leader_takes_is_not_left_in_doubt() => Stage.Play(Stage.Nodes(3) with { Shards = 2, UncommittedBytes = 512 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var (asker, third) = (stage.Others(leader)[0], stage.Others(leader)[1]);
        stage.Ask(asker, "INCR", "warm");
        stage.Ask(leader, "INCR", "warm");
        stage.Kill(third);
        stage.HangDisk(asker, 5 * Second);
        var taken = stage.Begin(leader, "SET", "x", new string('x', 300));
        stage.Pass(10 * Millisecond);
        var refused = stage.Begin(asker, "SET", "y", new string('y', 300));
        stage.Until(() => refused.IsCompleted, "the write ends", 4 * Second);
        Stage.Assert(refused.Result is { ErrorCode: "CLUSTERDOWN" }, $"the write ended as {refused.Result?.Text ?? "nothing"}");
        Stage.Assert(stage.Saw(Sometimes.ForwardAskedAgain) > 10, "the leader did not refuse it");
        Stage.Assert(stage.Await(taken) is { ErrorCode: "UNKNOWN" }, "what the leader took is not in doubt");
    });

    /// <summary>An increment that is applied, and whose answer never arrives at the node that asked for it.</summary>
    private static Task<RespReply?> ApplyWithoutAnswer(Stage stage, Machine leader, Machine asker)
    {
        // The session of the node that asks is open already.
        stage.Ask(asker, "INCR", "warm");
        var applied = Stage.Replica(leader).Machine.Applied.Index;
        stage.CutOneWay(leader, asker);
        var increment = stage.Begin(asker, "INCR", "n");
        stage.Until(() => Stage.Replica(leader).Machine.Applied.Index > applied, "the leader applies the increment", 50 * Millisecond);
        Stage.Assert(!increment.IsCompleted, "the answer arrived");
        return increment;
    }

    private static void CountsOnce(Stage stage, Machine asker, Task<RespReply?> increment)
    {
        Stage.Assert(stage.Await(increment)?.Text == "1", $"the increment ended as {increment.Result?.Text ?? "nothing"}");
        Stage.Assert(stage.Saw(Sometimes.DuplicateAnswered) > 0, "the command was not tried again");
        Stage.Assert(stage.AskUntilDone(asker, "GET", "n").Text == "1", "the command was applied more than once");
    }
}
