using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// What is committed stays: one term per committed entry on whatever node (log matching), held by every later leader (leader completeness), and committed only when a quorum of the governing
/// configuration holds it on its disks, by the bytes synced, in the committing leader's own term (reliability.md, properties 2 to 4).
/// </summary>
internal sealed class CommitSafety(Cluster cluster)
{
    private readonly Dictionary<uint, List<Committed>> _committed = [];
    private readonly Dictionary<(ulong Node, uint Group), Seen> _seen = [];

    /// <param name="Term">The entry's.</param>
    /// <param name="In">The term, or a later one, in which it was committed.</param>
    private readonly record struct Committed(ulong Term, ulong In);

    private sealed record Seen(Process Life, ulong Term, ulong Commit, bool Led, Configuration Configuration);

    /// <summary>A replica after a turn.</summary>
    public void Check(Process process, Replica replica)
    {
        var core = replica.Core;
        var key = (process.Machine.Number, replica.Group);
        var leads = core.Role == RaftRole.Leader;
        var before = _seen.GetValueOrDefault(key);
        if (before is not null && before.Life == process && before.Term == core.Term && before.Commit == core.CommitIndex && before.Led == leads && ReferenceEquals(before.Configuration, core.Configuration))
            return;
        _seen[key] = new Seen(process, core.Term, core.CommitIndex, leads, core.Configuration);
        var committed = CommittedOf(replica.Group);
        if (leads && (before is null || before.Life != process || before.Term != core.Term || !before.Led))
            CheckCompleteness(process, replica, committed);
        if (before?.Life == process && core.CommitIndex < before.Commit)
            throw new SimulationViolationException($"group {replica.Group}: node {process.Machine.Number}'s commit index went from {before.Commit} back to {core.CommitIndex}");
        CheckMatching(process, replica, committed);
        if (core.CommitIndex > (ulong)committed.Count)
            Commit(process, replica, committed, before?.Life == process ? before.Configuration : core.Configuration);
    }

    private List<Committed> CommittedOf(uint group)
    {
        if (!_committed.TryGetValue(group, out var known))
            _committed.Add(group, known = []);
        return known;
    }

    private static void CheckCompleteness(Process process, Replica replica, List<Committed> committed)
    {
        var core = replica.Core;
        for (var index = Math.Max(core.FirstIndex - 1, 1); index <= (ulong)committed.Count; index++)
        {
            // A leader of an earlier term may come into being late, by votes that were long on their way.
            var (term, committedIn) = committed[(int)index - 1];
            if (committedIn < core.Term && core.TermOf(index) != term)
                throw new SimulationViolationException(
                    $"leader completeness: node {process.Machine.Number} leads group {replica.Group} in term {core.Term} without entry {index} of term {term}, which is committed (it has term {core.TermOf(index)} there, its log ends at {core.LastIndex})");
        }
    }

    private static void CheckMatching(Process process, Replica replica, List<Committed> committed)
    {
        var core = replica.Core;
        var index = Math.Min(core.CommitIndex, (ulong)committed.Count);
        if (index >= core.FirstIndex && index > 0 && core.TermOf(index) != committed[(int)index - 1].Term)
            throw new SimulationViolationException(
                $"log matching: group {replica.Group}, entry {index} is committed with term {committed[(int)index - 1].Term}; node {process.Machine.Number} takes its own of term {core.TermOf(index)} for committed");
    }

    private void Commit(Process process, Replica replica, List<Committed> committed, Configuration configurationBefore)
    {
        var core = replica.Core;
        var term = core.TermOf(core.CommitIndex);
        for (var index = (ulong)committed.Count + 1; index <= core.CommitIndex; index++)
            committed.Add(new Committed(index >= core.FirstIndex ? core.TermOf(index) : term, core.Term));

        // A follower that hears of it first: its leader went in the moment it committed.
        if (core.Role != RaftRole.Leader)
            return;
        if (term != core.Term)
            throw new SimulationViolationException($"group {replica.Group}: node {process.Machine.Number}, leader of term {core.Term}, committed by counting entry {core.CommitIndex} of term {term}");
        long Holds(ulong voter)
        {
            var machine = cluster.Machine(voter);
            return machine.IsDamaged || machine.Ledger.Group(replica.Group).Covers(core.CommitIndex, term) ? 1 : 0;
        }

        // The configuration may have changed in the same turn (a joint one is left at once): the one before or the one now must have agreed.
        if (Quorums.Reached(core.Configuration, Holds) < 1 && Quorums.Reached(configurationBefore, Holds) < 1)
            throw new SimulationViolationException(
                $"commit by quorum: node {process.Machine.Number} committed entry {core.CommitIndex} of term {term} in group {replica.Group} under {core.Configuration}, but only the disks of {string.Join(", ", cluster.Machines.Where(m => Holds(m.Number) == 1).Select(m => m.Name))} hold it");
    }
}
