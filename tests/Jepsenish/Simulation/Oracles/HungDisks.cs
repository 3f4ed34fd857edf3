using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// A leader whose disk hangs goes within two election timeouts, although its turns and its heartbeats go on (reliability.md, faults; hashicorp/raft#503), and whether or not its group has anything to
/// write: the log is the node's, and the next write would wait. Judged where nothing else is wrong for as long: others must be able to take over.
/// </summary>
internal sealed class HungDisks(Cluster cluster)
{
    // Two election timeouts, as long as a transfer may take, and as long again where the first went to one that could not.
    private const long Limit = 4 * 300 * Millisecond;

    private readonly Dictionary<Process, long> _alone = [];

    /// <summary>A node after a turn.</summary>
    public void Check(Process process)
    {
        var now = cluster.Scheduler.Now;
        if (process.WritingSince is not { } since || now - since < Limit / 4 || !OthersAreWell(process))
        {
            _alone.Remove(process);
            return;
        }

        if (!_alone.TryAdd(process, now) && now - _alone[process] > Limit && process.Replicas.FirstOrDefault(MustHaveGone) is { } led)
            throw new SimulationViolationException($"node {process.Machine.Number} leads group {led.Group} {Show(now - since)} after its disk began to hang, and the others are well");
    }

    private bool MustHaveGone(Replica replica) =>
        replica.Core.Role == RaftRole.Leader && replica.Core.Configuration is { IsJoint: false } configuration && configuration.Voters.Count == cluster.Machines.Count && configuration.Voters.Count > 2;

    /// <summary>Whether a majority of all is well, and connected to each other and to the node.</summary>
    private bool OthersAreWell(Process process)
    {
        if (!cluster.Wire.IsReliable || cluster.Options.MaxDelay > 2 * Millisecond)
            return false;
        var well = cluster.Machines.Where(m => m != process.Machine && IsWell(m)).ToList();
        return well.Count > cluster.Machines.Count / 2
            && well.TrueForAll(m => AreConnected(m, process.Machine) && well.TrueForAll(n => m == n || AreConnected(m, n)));
    }

    private bool IsWell(Machine machine) =>
        machine is { Process: { IsAlive: true, IsInTurn: false, WritingSince: var since }, Faults.Slowness: 1 } && machine.PausedUntil <= cluster.Scheduler.Now
        && machine.Disk.Capacity == long.MaxValue && !(cluster.Scheduler.Now - since > 20 * Millisecond);

    private bool AreConnected(Machine one, Machine other) =>
        cluster.Wire.IsQuick(one.Number, other.Number) && one.Process!.Transport.IsConnected(other.Number) && other.Process!.Transport.IsConnected(one.Number);
}
