using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// A leader whose disk hangs goes within two election timeouts, although its turns and its heartbeats go on (reliability.md, faults; hashicorp/raft#503). Judged where nothing else is wrong for
/// as long: others must be able to take over.
/// </summary>
internal sealed class HungDisks(Cluster cluster)
{
    // Two election timeouts, and as long as the attempt to hand over may take.
    private const long Limit = (2 * 300 * Millisecond) + (300 * Millisecond) + (200 * Millisecond);

    private readonly Dictionary<Process, long> _alone = [];

    /// <summary>A node after a turn.</summary>
    public void Check(Process process)
    {
        var now = cluster.Scheduler.Now;
        if (process.WritingSince is not { } since || now - since < Limit / 4 || !IsAllElseWell(process))
        {
            _alone.Remove(process);
            return;
        }

        if (!_alone.TryAdd(process, now) && now - _alone[process] > Limit && process.Replicas.FirstOrDefault(r => r.Core.Role == RaftRole.Leader && r.Core.Configuration.Voters.Count > 2) is { } led)
            throw new SimulationViolationException($"node {process.Machine.Number} leads group {led.Group} {Show(now - since)} after its disk began to hang, and all others are well");
    }

    private bool IsAllElseWell(Process process) =>
        cluster.Wire.IsWhole && cluster.Options.MaxDelay <= 2 * Millisecond && cluster.Machines.All(m =>
            m == process.Machine || (m is { Process: { IsAlive: true, WritingSince: var since } other, Faults.Slowness: 1 } && m.PausedUntil <= cluster.Scheduler.Now && !other.IsInTurn
                && m.Disk.Capacity == long.MaxValue && !(cluster.Scheduler.Now - since > 20 * Millisecond) && other.Transport.IsConnected(process.Machine.Number)));
}
