using RaftKv.Engine;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>
/// A transaction of 166 bytes whose answer was longer than a frame stopped its leader, and the next one, and the next: what is legal is carried, what cannot be carried is refused to who asked.
/// </summary>
public sealed class LargeCommandTests
{
    private const int Frame = 32 << 10;

    [Fact]
    public void A_result_longer_than_a_frame_ends_its_caller_s_doubt_and_no_node() => Stage.Play(Stage.Nodes(3) with { FrameBytes = Frame, SegmentBytes = 256 << 10 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var asker = stage.Connect(stage.Others(leader)[0]);
        stage.Ask(asker, "APPEND", "big", new string('b', Frame / 4));
        stage.Ask(asker, "MULTI");
        stage.Ask(asker, "APPEND", "marker", "1");
        for (var i = 0; i < 6; i++)
            stage.Ask(asker, "GETRANGE", "big", "0", "-1");
        var began = stage.Now;
        var reply = stage.Ask(asker, "EXEC");
        Stage.Assert(reply is { ErrorCode: "UNKNOWN" }, $"EXEC was answered with {reply?.Text}");
        Stage.Assert(stage.Now - began < 500 * Millisecond, "the caller had to wait for it");
        Stage.Assert(stage.Saw(Sometimes.ResultDropped) > 0, "the result was carried");
        Stage.Assert(stage.Ask(asker, "STRLEN", "marker")?.Text == "1", "the transaction took no effect");
    });

    [Fact]
    public void A_command_longer_than_a_frame_is_refused_without_effect_wherever_it_is_sent() => Stage.Play(Stage.Nodes(3) with { FrameBytes = Frame }, stage =>
    {
        var leader = stage.AwaitLeader();
        foreach (var machine in stage.Machines)
        {
            var reply = stage.Ask(stage.Connect(machine), "SET", "big", new string('b', Frame));
            Stage.Assert(reply is { ErrorCode: "CLUSTERDOWN" }, $"{machine.Name} answered {reply?.Text}");
        }

        Stage.Assert(stage.Ask(leader, "GET", "big") is { IsNil: true }, "it took effect");
    });

    [Fact]
    public void Many_large_commands_at_once_are_all_carried() => Stage.Play(Stage.Nodes(3) with { FrameBytes = Frame, QueuedBytes = 2 * Frame, ForwardedBytes = Frame, SegmentBytes = 256 << 10 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var writes = stage.Others(leader).SelectMany(m => Enumerable.Range(0, 20).Select(i => stage.Begin(stage.Connect(m), "SET", $"{m.Name} {i}", new string('b', Frame / 3)))).ToList();
        foreach (var write in writes)
            Stage.Assert(stage.Await(write) is { Text: "OK" }, "a write was not carried");
        Stage.Assert(stage.Saw(Sometimes.ForwardWindowFull) > 0, "nothing had to wait");
    });
}
