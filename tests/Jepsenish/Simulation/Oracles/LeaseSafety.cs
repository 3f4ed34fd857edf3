using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// Who may serve reads by a lease has applied whatever anybody has applied: a client may have seen it (docs/INVARIANTS.md, lease reads). Clocks may drift by the stated bound.
/// </summary>
internal sealed class LeaseSafety(Cluster cluster)
{
    private readonly Dictionary<uint, ulong> _checked = [];

    /// <summary>Times that a valid lease was held against the rest of the cluster.</summary>
    public long Checks { get; private set; }

    /// <summary>A replica after a turn.</summary>
    public void Check(Process process, Replica replica)
    {
        CheckHolder(process, replica.View);
        var applied = cluster.Chains.LastApplied(replica.Group);
        if (_checked.GetValueOrDefault(replica.Group) == applied)
            return;
        _checked[replica.Group] = applied;
        foreach (var machine in cluster.Machines)
        {
            if (machine.Process is { IsAlive: true } other && other != process)
                CheckHolder(other, other.Replica(replica.Group).View);
        }
    }

    private void CheckHolder(Process holder, GroupView view)
    {
        if (view.LeaseUntil <= holder.Machine.Clock.Now)
            return;
        Checks++;
        var applied = cluster.Chains.LastApplied(view.Group);
        if (view.Applied < applied)
            throw new SimulationViolationException(
                $"lease: node {holder.Machine.Number} may serve reads of group {view.Group} with entry {view.Applied} applied in term {view.Term}, another node has applied {applied}");
    }
}
