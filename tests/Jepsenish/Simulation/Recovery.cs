using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// What must come true once everything is mended but a minority (reliability.md, property 13): connections, within 5 election timeouts of those a leader in every group, then equal replicas.
/// </summary>
internal sealed class Recovery(Cluster cluster, Action<long> runUntil)
{
    private const long ElectionTimeout = 300 * Millisecond;
    private const long ConnectTime = 4 * Second;

    /// <summary>A leader commits when enough others have what it has; where one entry goes at a time, that takes as many trips.</summary>
    private long TimeToCatchUp => cluster.Options.AppendBytes < 1 << 20 || cluster.Options.InflightMessages < 16 ? 20 * Second : 0;

    /// <summary>Whether a quorum of a group's newest configuration runs.</summary>
    public static bool IsAvailable(Cluster cluster, uint group)
    {
        var newest = Newest(cluster, group);
        return newest is not null && Quorums.Reached(newest.Configuration, v => cluster.Machine(v).Process is { IsAlive: true } ? 1 : 0) >= 1;
    }

    /// <summary>Connections and leaders come back.</summary>
    public void AwaitLeaders()
    {
        Await(AreConnected, ConnectTime, () => "not all nodes that run are connected to each other");
        Await(() => Groups().All(HasLeader), 5 * ElectionTimeout + ElectionTimeout + TimeToCatchUp, () => $"no leader in groups {string.Join(", ", Groups().Where(g => !HasLeader(g)))} in time: {string.Join("; ", Groups().Where(g => !HasLeader(g)).Select(Describe))}");
    }

    /// <summary>Replicas come to hold the same.</summary>
    public void AwaitEqualReplicas()
    {
        Await(() => Groups().All(AreLevel), 10 * Second, () => $"replicas do not catch up: {string.Join("; ", Groups().Where(g => !AreLevel(g)).Select(Describe))}");
        foreach (var group in Groups())
        {
            var hashes = Members(group).Select(p =>
            {
                var machine = p.Replica(group).Machine;
                machine.SaveSessions();
                return (p.Machine.Name, Hash: machine.State.ComputeHash(), machine.Applied);
            }).ToList();
            if (hashes.Select(h => (h.Hash, h.Applied)).Distinct().Count() > 1)
                throw new SimulationViolationException($"group {group}: replicas differ at the same entry: {string.Join(", ", hashes.Select(h => $"{h.Name} {h.Hash:x16} at {h.Applied.Index}"))}");
        }
    }

    private IEnumerable<Process> Members(uint group) => Members(cluster, group);

    private IEnumerable<uint> Groups() => Enumerable.Range(1, cluster.Options.Groups).Select(g => (uint)g).Where(g => IsAvailable(cluster, g));

    private bool AreConnected()
    {
        var running = cluster.Running.ToList();
        return cluster.Machines.All(m => m.IsGivenUp || m.Process is { IsAlive: true })
            && running.TrueForAll(p => running.TrueForAll(q => p == q || p.Transport.IsConnected(q.Machine.Number)));
    }

    private bool HasLeader(uint group) =>
        cluster.Running.Any(p => p.Leads(group) && p.Replica(group).Core.CommitIndex >= p.Replica(group).Core.Core.Leadership!.FirstIndex && cluster.Running.All(q => q.Replica(group).Core.Term <= p.Replica(group).Core.Term || !Members(group).Contains(q)));

    /// <summary>Processes that belong to a group's newest configuration.</summary>
    public static IEnumerable<Process> Members(Cluster cluster, uint group)
    {
        var newest = Newest(cluster, group)!;
        return cluster.Running.Where(p => newest.Configuration.IsMember(p.Machine.Number));
    }

    /// <summary>The replica with the most complete log: only it can be sure to find the votes of those who have less.</summary>
    private static RaftNode? Newest(Cluster cluster, uint group) => cluster.Running.Select(p => p.Replica(group).Core).MaxBy(c => (c.TermOf(c.LastIndex), c.LastIndex));

    // Nothing is written any more: a joint configuration that is not left by now stays.
    private bool AreLevel(uint group) => Members(group).All(p => !p.Replica(group).Core.Configuration.IsJoint) && Members(group).Select(p => p.Replica(group).Machine.Applied).Distinct().Count() == 1 && Members(group).All(p => p.Replica(group).Core.LastIndex == p.Replica(group).Machine.Applied.Index);

    private string Describe(uint group) => $"group {group}: {string.Join(", ", cluster.Running.Select(p => Describe(p, group)))}";

    private static string Describe(Process process, uint group)
    {
        var replica = process.Replica(group);
        return $"{process.Machine.Name} {replica.Core.Role} term {replica.Core.Term} leader {replica.Core.Leader} log {replica.Core.FirstIndex}-{replica.Core.LastIndex} commit {replica.Core.CommitIndex} applied {replica.Machine.Applied.Index} {replica.Core.Configuration}";
    }

    private void Await(Func<bool> condition, long atMost, Func<string> otherwise)
    {
        for (var until = cluster.Scheduler.Now + atMost; !condition();)
        {
            if (cluster.Scheduler.Now >= until)
                throw new SimulationViolationException(otherwise());
            runUntil(Math.Min(until, cluster.Scheduler.Now + (10 * Millisecond)));
        }
    }
}
