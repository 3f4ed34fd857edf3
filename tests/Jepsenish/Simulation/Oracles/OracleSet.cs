using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>Everything that must hold after every event, seen with global knowledge.</summary>
internal sealed class OracleSet(Cluster cluster)
{
    private readonly CommitSafety _commits = new(cluster);
    private readonly Promises _promises = new();
    private readonly HungDisks _disks = new(cluster);
    private readonly LogTimeSafety _times = new(cluster);

    /// <summary>Leaders.</summary>
    public ElectionSafety Elections { get; } = new();

    /// <summary>Leases.</summary>
    public LeaseSafety Leases { get; } = new(cluster);

    /// <summary>A shard has had a turn.</summary>
    public void AfterTurn(Process process, Shard shard)
    {
        foreach (var replica in shard.Replicas)
        {
            // Most turns are about few of the groups.
            var standing = Standing.Of(replica, cluster.Chains.LastApplied(replica.Group));
            ref var before = ref process.Standings[replica.Group];
            if (standing == before)
                continue;
            before = standing;
            Elections.Check(process, replica, process.Machine.Ledger.Group(replica.Group));
            _commits.Check(process, replica);
            _promises.Check(process, replica);
            Leases.Check(process, replica);
            _times.Check(process, replica);
        }

        PlacedWrites.Check(process, shard);
        _disks.Check(process);
        cluster.Story.AfterTurn(process, shard);
    }

    /// <summary>A frame leaves a process.</summary>
    public void OnSent(Process process, ulong peer, ReadOnlySpan<byte> frame)
    {
        _promises.OnSent(process, frame);
        Elections.OnSent(process, frame);
        cluster.Story.OnSent(process, peer, frame);
    }

    /// <summary>Frames may pass from now on, votes and acknowledgements among them: the node must be who it is for good, and on disk.</summary>
    public void OnConnected(Process process)
    {
        var machine = process.Machine;
        if (!process.Transport.Rules.Own.Current.IsFinal)
            throw new SimulationViolationException($"node {machine.Number} takes part although its identity is provisional");
        if (!machine.IsDamaged && !IdentityFile.Decode("/data", machine.Disk.ReadAll("/data/identity")).Identity.IsFinal)
            throw new SimulationViolationException($"node {machine.Number} takes part although its identity is provisional on its disk");
        machine.IsFounded = true;
    }

    /// <summary>A node has recovered: it must stand where its disk does.</summary>
    public static void AfterRecovery(Process process)
    {
        foreach (var replica in process.Replicas)
        {
            var disk = process.Machine.Ledger.Group(replica.Group);
            var core = replica.Core;
            disk.OnRecovered(replica.Machine.Applied.Index);
            if (core.Term < disk.Term || (core.Term == disk.Term && core.Core.Vote != disk.Vote && disk.Vote != 0))
                throw new SimulationViolationException(
                    $"recovery: node {process.Machine.Number} comes back to group {replica.Group} in term {core.Term} with a vote for {core.Core.Vote}, its disk had term {disk.Term} and a vote for {disk.Vote}");
            for (var index = Math.Max(disk.StartIndex, core.FirstIndex); index <= disk.LastIndex; index++)
            {
                if (core.TermOf(index) != disk.TermAt(index) && index > disk.StartIndex && index >= core.FirstIndex && core.Term == disk.Term)
                    throw new SimulationViolationException(
                        $"recovery: node {process.Machine.Number} comes back to group {replica.Group} with term {core.TermOf(index)} at entry {index}, its disk had {disk.TermAt(index)} (log {core.FirstIndex}-{core.LastIndex}, disk {disk.StartIndex + 1}-{disk.LastIndex})");
            }
        }
    }
}
