using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// A write of a node's caller waits for nobody who cannot answer: what was forwarded over a connection that broke is placed again, at the latest in the turn that hears of it. Otherwise it ends as unknown at its
/// deadline, which a client bears, so that nothing else would show it.
/// </summary>
internal static class PlacedWrites
{
    /// <summary>A shard has had a turn.</summary>
    public static void Check(Process process, Shard shard)
    {
        foreach (var replica in shard.Replicas)
        {
            for (var operation = replica.Writes.Oldest; operation is not null; operation = operation.Next)
            {
                if (operation.PlacedWith != 0 && operation.PlacedWith != process.Machine.Number && !shard.IsConnected(operation.PlacedWith))
                    throw new SimulationViolationException($"node {process.Machine.Number} waits for node {operation.PlacedWith} to answer a write of group {replica.Group}, and the connection to it is broken");
            }
        }
    }
}
