using Xunit;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

public sealed class FirstStartTests
{
    /// <summary>
    /// A node's first process is killed at one of its disk operations; the second finds identity, peers, log and store in the page cache, perhaps under names that are not durable yet, and takes part.
    /// Then the power fails. The node must be the one that its peers know, with all that it acknowledged.
    /// </summary>
    [Fact]
    public void A_node_that_was_killed_anywhere_in_its_first_start_is_the_same_node_after_a_later_power_cut()
    {
        var operation = 1;
        while (WasKilledAt(operation))
            operation++;
        Assert.InRange(operation, 20, 200);
    }

    /// <summary>Plays it with the end at one operation; false when the script was over before that.</summary>
    private static bool WasKilledAt(int operation)
    {
        var killed = false;
        Stage.Play(
            Stage.Nodes(3) with { Seed = (ulong)operation },
            stage =>
            {
                var node = stage.Machines[0];
                Stage.Assert(stage.AskUntilDone(stage.Machines[1], "SET", "x", "1") is { IsError: false }, "no write is taken");
                Stage.Assert(stage.AskUntilDone(node, "GET", "x").Text == "1", "a write is lost");
                killed = node.Starts > 1;
                stage.CutPower(node);
                stage.Start(node);
                Stage.Assert(stage.AskUntilDone(node, "GET", "x").Text == "1", $"the write is lost on the node that was killed at operation {operation}");
            },
            stage => stage.Machines[0].Faults.DieAt(operation, powerCut: false));
        return killed;
    }
}
