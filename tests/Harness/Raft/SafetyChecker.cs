using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>A broken safety property, seen with global knowledge.</summary>
public sealed class SafetyViolationException(string message) : Exception(message);

/// <summary>
/// The properties of the Raft paper (figure 3) and of the lease, checked with global knowledge after every event: election safety, log matching and leader completeness,
/// commit only by a durable quorum, one vote a term, nothing promised before it is durable, and no read by lease or index that misses an entry applied anywhere before.
/// </summary>
public sealed class SafetyChecker
{
    private readonly Dictionary<ulong, ulong> _leaders = [];
    private readonly Dictionary<(ulong Node, ulong Term), ulong> _votes = [];
    private readonly Dictionary<ulong, (ulong Term, ulong Hash)> _applied = [];
    private readonly Dictionary<ulong, (ulong Term, ulong CommittedIn)> _committed = [];
    private readonly Dictionary<ulong, ulong> _terms = [];
    private readonly Dictionary<ulong, (ulong Term, ulong Commit)> _checkedLeadership = [];
    private readonly Dictionary<(ulong Node, int Incarnation), (ulong Term, ulong Vote)> _keptVotes = [];

    /// <summary>Highest entry that any node has applied: a client may have seen it acknowledged.</summary>
    public ulong MaxApplied { get; private set; }

    /// <summary>Highest entry that any leader has committed.</summary>
    public ulong MaxCommitted { get; private set; }

    public int Elections => _leaders.Count;

    public int LeaseChecks { get; private set; }

    public int Reads { get; private set; }

    /// <summary>Entry applied by a node; returns the state's hash after it.</summary>
    public ulong OnApplied(ulong node, SimulatedDisk disk, LogEntry entry, ulong hashBefore)
    {
        Check(disk.TermAt(entry.Index) == entry.Term || disk.StartIndex > entry.Index, $"durable before applied: node {node} applies entry {entry.Index}, its disk ends at {disk.LastIndex}");
        var hash = (hashBefore ^ entry.Index ^ (entry.Term << 20) ^ ((ulong)entry.Kind << 40)) * 0x9E3779B97F4A7C15;
        foreach (var b in entry.Payload.Span)
            hash = (hash ^ b) * 0x100000001B3;
        if (_applied.TryGetValue(entry.Index, out var known))
            Check(known == (entry.Term, hash), $"state machine safety: node {node} applied another entry at {entry.Index} (term {entry.Term}, before: term {known.Term})");
        else
            Check(entry.Index == 1 || _applied.ContainsKey(entry.Index - 1), $"entry {entry.Index} applied by node {node} before any other applied {entry.Index - 1}");
        _applied[entry.Index] = (entry.Term, hash);
        MaxApplied = Math.Max(MaxApplied, entry.Index);
        return hash;
    }

    public void OnInstalled(ulong node, StateImage image) =>
        Check(_applied.TryGetValue(image.Index, out var known) && known.Hash == image.Hash, $"node {node} installed an image of {image.Index} that nobody's state ever was");

    /// <summary>A message is about to leave a node.</summary>
    public void OnSent(Message message, SimulatedDisk disk)
    {
        switch (message)
        {
            case VoteResponse { Granted: true }:
                Check(disk.Term > message.Term || (disk.Term == message.Term && disk.Vote == message.To),
                    $"durable before acknowledged: node {message.From} votes for {message.To} in term {message.Term}, its disk says {disk.Vote} in {disk.Term}");
                Vote(message.From, message.Term, message.To);
                break;
            case VoteRequest:
                Check(disk.Term > message.Term || (disk.Term == message.Term && disk.Vote == message.From), $"node {message.From} asks for votes in term {message.Term} before its own is durable");
                Vote(message.From, message.Term, message.From);
                break;
            case AppendAccepted accepted:
                Check(disk.LastIndex >= accepted.MatchIndex || disk.Term > message.Term, $"durable before acknowledged: node {message.From} accepts up to {accepted.MatchIndex}, its disk ends at {disk.LastIndex}");
                break;
        }
    }

    /// <summary>A linearizable read was confirmed.</summary>
    public void OnRead(ulong node, ulong index, ulong appliedBefore)
    {
        Reads++;
        Check(index >= appliedBefore, $"linearizable read: node {node} got index {index}, but {appliedBefore} was applied before it asked");
    }

    /// <summary>After every event.</summary>
    public void After(SimulatedReplica node, IReadOnlyDictionary<ulong, SimulatedReplica> all, Func<SimulatedReplica, long> clockOf)
    {
        if (node.Core is not { } core)
            return;
        Check(core.Term >= _terms.GetValueOrDefault(node.Id) || core.Term >= node.Disk.Term, $"node {node.Id}'s term went back");
        _terms[node.Id] = core.Term;
        Keep((node.Id, node.Incarnation), core.Term, core.Core.Vote);
        Keep((node.Id, 0), node.Disk.Term, node.Disk.Vote);
        if (core.Role == RaftRole.Leader)
            CheckLeader(node, core, all);
        foreach (var holder in all.Values)
        {
            if (holder.Core is not { } other || clockOf(holder) >= other.LeaseUntil)
                continue;
            LeaseChecks++;
            Check(other.CommitIndex >= MaxApplied, $"lease: node {holder.Id} may serve reads at commit {other.CommitIndex} in term {other.Term}, but {MaxApplied} is applied elsewhere");
            Check(core.Role != RaftRole.Leader || core.Term <= other.Term || core.CommitIndex < core.Core.Leadership!.FirstIndex,
                $"lease exclusivity: node {node.Id} has committed as leader of term {core.Term} while node {holder.Id} holds the lease of term {other.Term}");
        }
    }

    private void CheckLeader(SimulatedReplica node, RaftNode core, IReadOnlyDictionary<ulong, SimulatedReplica> all)
    {
        if (!_leaders.TryAdd(core.Term, node.Id))
            Check(_leaders[core.Term] == node.Id, $"election safety: nodes {_leaders[core.Term]} and {node.Id} lead term {core.Term}");
        CheckConfigurations(node.Id, core);
        var log = core.Core.Log;
        if (_checkedLeadership.GetValueOrDefault(node.Id).Term != core.Term)
        {
            _checkedLeadership[node.Id] = (core.Term, core.CommitIndex);
            // Votes may come so late that others have led since: what was committed in their terms need not be here.
            foreach (var (index, (term, _)) in _committed.Where(c => c.Value.CommittedIn < core.Term))
                Check(index < core.FirstIndex - 1 || log.TermAt(index) == term, $"leader completeness: leader {node.Id} of term {core.Term} lacks committed entry {index} of term {term}");
        }

        for (var index = Math.Max(MaxCommitted, core.FirstIndex - 1) + 1; index <= core.CommitIndex; index++)
        {
            var term = log.TermAt(index);
            Check(!_committed.TryGetValue(index, out var known) || known.Term == term, $"entry {index} committed twice, as of terms {known.Term} and {term}");
            _committed.TryAdd(index, (term, core.Term));
        }

        if (core.CommitIndex <= MaxCommitted)
            return;
        MaxCommitted = core.CommitIndex;
        // Learned as a follower, from a leader that went in the moment it committed (its own removal): that one's quorum is gone from sight.
        if (MaxCommitted == _checkedLeadership[node.Id].Commit)
            return;
        var newest = log.TermAt(MaxCommitted);
        long Holds(ulong voter)
        {
            var disk = all[voter].Disk;
            return disk.TermAt(MaxCommitted) == newest || disk.StartIndex >= MaxCommitted ? 1 : 0;
        }

        // The configuration may have changed by committing (a joint one is left at once): either the one before or the one now must have agreed.
        Check(Quorums.Reached(core.Configuration, Holds) >= 1 || Quorums.Reached(node.ConfigurationBefore, Holds) >= 1,
            $"commit by quorum: leader {node.Id} committed {MaxCommitted} of term {newest} in {core.Configuration} without a durable quorum");
        Check(newest == core.Term, $"leader {node.Id} of term {core.Term} committed by counting an entry of term {newest}");
    }

    // Thesis 4.1 and its erratum: a leader makes one change at a time, and none before an entry of its own term is committed. What it inherits may be more.
    private static void CheckConfigurations(ulong node, RaftNode core)
    {
        var configurations = core.Core.Configurations;
        var firstOfTerm = core.Core.Leadership!.FirstIndex;
        var open = configurations.Above(core.CommitIndex);
        if (open == 0 || configurations.CurrentIndex < firstOfTerm)
            return;
        Check(core.CommitIndex >= firstOfTerm, $"leader {node} changed the configuration before an entry of its term {core.Term} was committed");
        Check(open == 1, $"leader {node} of term {core.Term} changed the configuration while {open - 1} before it were not committed");
    }

    // A vote once given stays, in memory until a crash, on disk (incarnation 0) for ever.
    private void Keep((ulong Node, int Incarnation) where, ulong term, ulong vote)
    {
        if (_keptVotes.TryGetValue(where, out var kept) && kept.Term == term && kept.Vote != 0)
            Check(kept.Vote == vote, $"node {where.Node} has given its vote of term {term} to {kept.Vote}, and has it now as {vote}{(where.Incarnation == 0 ? " on disk" : "")}");
        _keptVotes[where] = (term, vote);
    }

    private void Vote(ulong node, ulong term, ulong vote)
    {
        if (!_votes.TryAdd((node, term), vote))
            Check(_votes[(node, term)] == vote, $"node {node} voted for {_votes[(node, term)]} and {vote} in term {term}");
    }

    private static void Check(bool condition, string violation)
    {
        if (!condition)
            throw new SafetyViolationException(violation);
    }
}
