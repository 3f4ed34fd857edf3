using System.Globalization;
using RaftKv.Engine;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

public sealed class CheckpointTests
{
    /// <summary>
    /// Reliability scenario 7, etcd#13766: the applied index is saved apart from the data, and after a crash between the two something is applied twice or not at all.
    /// The node ends at every one of the disk operations that it does around checkpoints, killed or with its power.
    /// </summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void An_increment_counts_once_wherever_around_a_checkpoint_the_node_ends(bool powerCut, bool powerCutAfterRecovery) => Stage.Play(Stage.Nodes(1) with { CheckpointBytes = 1, RetainedLogBytes = 0, SegmentBytes = 8 << 10 }, stage =>
    {
        var node = stage.Machines[0];
        long count = 0;
        for (var operation = 1; operation <= 60; operation++)
        {
            node.Faults.DieAt(operation, powerCut);
            var life = node.Process!;
            var unknown = 0;
            while (life.IsAlive && unknown == 0)
            {
                var reply = stage.Ask(node, "INCR", "n");
                if (reply is { IsError: false })
                    Stage.Assert(Number(reply.Text) == ++count, $"an increment made {reply.Text} of what should be {count}");
                else if (reply is not { ErrorCode: "CLUSTERDOWN" })
                    unknown++;
            }

            stage.Until(() => node.Process is { IsAlive: true } next && next != life, "the node is started again");
            var found = Number(stage.AskUntilDone(node, "GET", "n").Text);
            Stage.Assert(found >= count && found <= count + unknown, $"ended at operation {operation}: {count} increments were acknowledged, {unknown} may have been done, {found} were");
            if (powerCutAfterRecovery)
            {
                // What was read from the page cache was shown to a client.
                stage.CutPower(node);
                stage.Start(node);
                Stage.Assert(Number(stage.AskUntilDone(node, "GET", "n").Text) == found, $"killed at operation {operation}: the power cut after the recovery took away what was recovered");
            }

            count = found;
        }

        Stage.Assert(count > 60, "too little was done between the ends");
        Stage.Assert(stage.Saw(Sometimes.SegmentDropped) > 0, "the log was never cut behind a checkpoint");
    });

    private static long Number(string? text) => long.Parse(text ?? "0", CultureInfo.InvariantCulture);
}
