using RaftKv.Engine;
using RaftKv.Engine.State;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>
/// A committed entry that no replica can apply: it must not end nodes, nor other groups, and an operator must have a way past it, also for those who were down or away.
/// </summary>
public sealed class HaltedGroupTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_group_halts_at_an_entry_that_no_replica_can_apply_and_goes_on_when_it_is_skipped(bool restarted) => Stage.Play(Stage.Nodes(3) with { Groups = 2 }, stage =>
    {
        var (leader, index) = Halt(stage, "SET", "poison", "x");
        foreach (var machine in stage.Machines)
        {
            Stage.Assert(stage.Ask(machine, "SET", "other", "1") is { IsError: true } reply && reply.Text!.Contains("halted", StringComparison.Ordinal), $"{machine.Name} does not say why it refuses a write");
            Stage.Assert(stage.Ask(machine, "GET", "before") is { IsError: true }, $"{machine.Name} reads a group that has halted");
            Stage.Assert(stage.Ask(stage.Connect(machine, group: 2), "SET", "a", "1") is { IsError: false }, $"{machine.Name} does not serve the other group");
        }

        if (restarted)
        {
            foreach (var machine in stage.Machines)
            {
                stage.CutPower(machine);
                stage.Start(machine);
            }

            stage.Until(() => stage.Machines.All(IsHalted), "all halt again");
        }

        Stage.Assert(Skip(stage, index - 1) == ResultStatus.ConditionFailed, "an entry that was applied is skipped");
        Stage.Assert(Skip(stage, index) == ResultStatus.Ok, "the entry is not skipped");
        GoesOn(stage, stage.Machines);
    });

    [Fact]
    public void A_batch_is_taken_back_as_a_whole_before_its_group_halts() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var (_, index) = Halt(stage, "MSET", "a", "1", "before", "2", "poison", "3");
        Stage.Assert(Skip(stage, index) == ResultStatus.Ok, "the entry is not skipped");
        GoesOn(stage, stage.Machines);
        Stage.Assert(stage.Ask(stage.Machines[0], "GET", "a") is { IsError: false, Text: null }, "a part of the batch stayed");
    });

    [Fact]
    public void Who_was_away_when_an_entry_was_skipped_replays_past_it() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var away = stage.Others(stage.AwaitLeader())[0];
        stage.Kill(away);
        stage.Pass(100 * Millisecond);
        var (_, index) = Halt(stage, "SET", "poison", "x");
        Stage.Assert(Skip(stage, index) == ResultStatus.Ok, "the entry is not skipped");
        GoesOn(stage, stage.Others(away));
        stage.Start(away);
        GoesOn(stage, stage.Machines);
    });

    [Fact]
    public void Who_was_away_when_an_entry_was_skipped_receives_a_snapshot_that_stands_behind_it() => Stage.Play(Stage.NodesWithShortLogs(3), stage =>
    {
        var away = stage.Others(stage.AwaitLeader())[0];
        stage.Kill(away);
        stage.Pass(100 * Millisecond);
        var (_, index) = Halt(stage, "SET", "poison", "x");
        Stage.Assert(Skip(stage, index) == ResultStatus.Ok, "the entry is not skipped");
        GoesOn(stage, stage.Others(away));
        var images = stage.Saw(Sometimes.ImageInstalled);
        for (var i = 0; i < 60; i++)
            stage.Ask(stage.AwaitLeader(), "SET", $"fill {i % 20}", $"{i}");
        stage.Start(away);
        GoesOn(stage, stage.Machines);
        Stage.Assert(stage.Saw(Sometimes.ImageInstalled) > images, "who was away caught up without a snapshot");
    });

    [Fact]
    public void A_defect_that_only_the_leader_meets_costs_its_leadership_and_not_the_group() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        Stage.Assert(stage.Ask(leader, "SET", "before", "1") is { IsError: false }, "a write was refused");
        stage.Poison("poison", leader);
        stage.Begin(leader, "SET", "poison", "x");
        stage.Until(() => IsHalted(leader), "the leader halts");
        var heir = stage.AwaitLeader(otherThan: leader);
        stage.AskUntilDone(heir, "SET", "after", "1");
        Stage.Assert(stage.Skip(heir, Stage.Replica(leader).Halt!.Index) == ResultStatus.ConditionFailed, "an entry that others applied is skipped");
        stage.Poison(null, leader);
        stage.Kill(leader);
        stage.Start(leader);
        stage.Until(() => Stage.Replica(leader).Machine.Applied.Index >= Stage.Replica(heir).Machine.Applied.Index, "it catches up once its defect is gone");
    });

    private static (Machine Leader, ulong Index) Halt(Stage stage, params string[] command)
    {
        var leader = stage.AwaitLeader();
        Stage.Assert(stage.Ask(leader, "SET", "before", "1") is { IsError: false }, "a write was refused");
        stage.Poison("poison", stage.Machines);
        Stage.Assert(stage.Ask(leader, command) is not { IsError: false }, "a write that nobody can apply was confirmed");
        var running = stage.Machines.Where(m => m.Process is not null).ToList();
        stage.Until(() => running.TrueForAll(IsHalted), "all halt");
        var index = Stage.Replica(leader).Halt!.Index;
        Stage.Assert(running.TrueForAll(m => Stage.Replica(m).Halt is { IsTainted: false } halt && halt.Index == index), "they halt at different entries, or within one");
        // They come to rest: offers of leadership end.
        stage.Pass(3 * Second);
        return (leader, index);
    }

    private static ResultStatus? Skip(Stage stage, ulong index) => stage.Skip(stage.Others(stage.AwaitLeader()).First(m => m.Process is not null), index);

    private static void GoesOn(Stage stage, IReadOnlyList<Machine> machines)
    {
        stage.Until(() => machines.All(m => m.Process is not null && !IsHalted(m)), "nobody is halted");
        foreach (var machine in machines)
        {
            stage.AskUntilDone(machine, "SET", $"after {machine.Name}", "1");
            Stage.Assert(stage.AskUntilDone(machine, "GET", "before").Text == "1", $"{machine.Name} lost what was there before");
            Stage.Assert(stage.AskUntilDone(machine, "EXISTS", "other").Text is "0", $"{machine.Name} kept what was refused");
        }

        Stage.Assert(stage.Saw(Sometimes.ApplyResumed) > 0, "nobody said that it goes on");
    }

    private static bool IsHalted(Machine machine) => machine.Process is { } && Stage.Replica(machine).Halt is not null;
}
