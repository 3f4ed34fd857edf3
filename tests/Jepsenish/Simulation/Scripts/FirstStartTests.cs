using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

public sealed class FirstStartTests
{
    /// <summary>
    /// A node's first process ends at one of its disk operations, killed or with the power. Killed, the second finds identity, peers, log and store in the page cache, perhaps with bytes or under names that are not durable,
    /// and takes part. As soon as its disk holds something new the power fails. The node must be the one that its peers know, with all that it promised in either life.
    /// </summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    [InlineData(5, true)]
    public void A_node_that_ended_anywhere_in_its_first_life_is_the_same_node_after_a_later_power_cut(int seed, bool powerCut)
    {
        var operation = 1;
        while (EndedAt(operation, seed, powerCut) && operation < 60)
            operation++;
        Assert.InRange(operation, 40, 60);
    }

    /// <summary>Plays it with the end at one operation; false when the prologue was over before that.</summary>
    private static bool EndedAt(int operation, int seed, bool powerCut)
    {
        var ended = false;
        Stage.Play(
            Stage.Nodes(3) with { Seed = (ulong)(operation + (seed * 1000)) },
            stage =>
            {
                foreach (var machine in stage.Machines)
                    Stage.Assert(stage.AskUntilDone(machine, "GET", "x").Text is not null, $"what was written is lost; the node ended at operation {operation}");
            },
            stage =>
            {
                var node = stage.Machines[2];
                node.Faults.DieAt(operation, powerCut);
                foreach (var machine in stage.Machines)
                    stage.Start(machine);
                // A cluster that starts without one of its nodes takes its first write late, and the node may be back by then: so it is not waited for one if it has ended already.
                stage.Pass(10 * Millisecond);
                for (var i = 0; i < 20 && node.Faults.WillDie; i++)
                    stage.AskUntilDone(stage.Machines[0], "SET", "x", $"{i}");
                ended = !node.Faults.WillDie;
                if (node.Process is null)
                    stage.Start(node);
                stage.AskUntilDone(stage.Machines[0], "SET", "x", "last of the first life");
                var (term, last) = (node.Ledger.Group(1).Term, node.Ledger.Group(1).LastIndex);
                for (var i = 0; i < 50 && node.Ledger.Group(1) is var disk && (disk.Term, disk.LastIndex) == (term, last); i++)
                    stage.Pass(Millisecond);
                stage.CutPower(node);
                stage.Start(node);
            });
        return ended;
    }
}
