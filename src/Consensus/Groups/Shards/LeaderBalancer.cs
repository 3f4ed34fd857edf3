using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Engine;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Keeps leaders spread over the nodes: at the start each group's preferred node campaigns first; later a leader transfers its leadership to the preferred node once that is connected, caught up,
/// and has been willing to lead for a while. A node that should not lead (its disk is full or hangs, it stops) transfers all its leaderships to whoever is willing.
/// </summary>
/// <remarks>
/// Proposals wait while a transfer is under way, so that one that fails costs every client of the group some time.
/// Invariant: leadership is transferred only to a node that is connected and said of itself that it accepts it; one that did not take it, or gave it right back, is left alone for a growing time.
/// </remarks>
internal sealed class LeaderBalancer(Shard shard, IShardHost host)
{
    private const long Interval = 1_000_000_000;

    /// <summary>How often the end of a transfer, or the need for another, is looked for.</summary>
    private const long PollInterval = 10_000_000;

    /// <summary>A preferred leader that did not take a group over is left alone for twice the steady time, then four times, up to this many times.</summary>
    private const int MostPauses = 64;

    /// <summary>Where this node must not lead, another that did not take over is asked again after this long, then twice as long, up to this many times.</summary>
    private const int MostQuickPauses = 16;

    /// <summary>A leadership that comes back within this time was not taken.</summary>
    private const long KeptFor = 60_000_000_000;

    private readonly Dictionary<ulong, Candidate> _candidates = [];
    private readonly Dictionary<uint, Transfer> _transfers = [];
    private readonly List<ulong> _successors = [];
    private int _turn;
    private volatile bool _hasToTransfer;

    public long NextDeadline { get; private set; } = long.MinValue;

    /// <summary>
    /// Whether this node must not lead, and leads groups that somebody else may take over. Of any thread.
    /// </summary>
    public bool HasToTransfer => _hasToTransfer;

    /// <summary>The node is about to stop, and the shard will be told: until it has looked, there may be something to transfer. Of any thread.</summary>
    public void ExpectStop() => _hasToTransfer = true;

    public void OnPeerConnected(ulong peer, long now)
    {
        _candidates[peer] = new Candidate { SteadySince = now };
        CampaignWherePreferred(now);
    }

    /// <summary>Whether this node may lead has changed.</summary>
    public void OnMayLeadChanged() => NextDeadline = long.MinValue;

    public void Tick(long now)
    {
        if (now < NextDeadline)
            return;
        Settle(now);
        if (shard.Health.MayLead)
            Balance(now);
        else
            TransferAll(now);
        NextDeadline = now + (shard.Health.MayLead && !_transfers.Values.Any(t => t.TakenAt == 0) ? Interval : PollInterval);
    }

    /// <summary>Sees how transfers have ended.</summary>
    private void Settle(long now)
    {
        foreach (var (group, transfer) in _transfers)
        {
            var core = shard.Replica(group)!.Core;
            var candidate = _candidates[transfer.Target];
            if (core.Role == RaftRole.Leader)
            {
                if (core.Term == transfer.Term && core.TransferTarget == transfer.Target)
                    continue;
                // It was given up; or somebody else came to lead, and this node again, by which the target is not to blame.
                if (core.Term == transfer.Term || transfer.TakenAt != 0)
                    candidate.Failed(now);
                _transfers.Remove(group);
            }
            else if (transfer.TakenAt == 0 && core.Leader == transfer.Target)
            {
                _transfers[group] = transfer with { TakenAt = now };
            }
            else if (transfer.TakenAt == 0 ? core.Leader != 0 : now - transfer.TakenAt > KeptFor)
            {
                if (transfer.TakenAt != 0)
                    candidate.Kept();
                _transfers.Remove(group);
            }
        }
    }

    private void Balance(long now)
    {
        _hasToTransfer = false;
        foreach (var replica in shard.Replicas)
        {
            var core = replica.Core;
            var preferred = shard.Configuration.PreferredLeader(replica.Group);
            if (core.Role != RaftRole.Leader || preferred == core.Self || core.IsTransferring || !shard.IsConnected(preferred) || !_candidates.TryGetValue(preferred, out var candidate))
                continue;
            if (core.AcceptsLeadershipOf(preferred) == false)
                candidate.SteadySince = now;
            if (core.AcceptsLeadershipOf(preferred) != true || core.MatchOf(preferred) < core.CommitIndex)
                continue;
            var steady = shard.Configuration.SteadyBeforeLeading;
            if (now - candidate.SteadySince < steady || !candidate.IsDue(now, steady, MostPauses))
                continue;
            // One at a time to each node: whether it takes a group over shows whether it would take the next.
            if (_transfers.Values.Any(t => t.Target == preferred && t.TakenAt == 0))
                continue;
            if (candidate.Failures > 0)
                Sometimes.Reached(Sometimes.PreferredLeaderFailed);
            Begin(replica, preferred, now);
        }
    }

    private void TransferAll(long now)
    {
        var hasToTransfer = false;
        foreach (var replica in shard.Replicas)
        {
            var core = replica.Core;
            if (core.Role != RaftRole.Leader)
                continue;
            if (core.IsTransferring)
            {
                hasToTransfer = true;
                continue;
            }

            hasToTransfer |= FindSuccessors(core, now);
            if (_successors.Count > 0)
                Begin(replica, _successors[_turn++ % _successors.Count], now);
        }

        if (_hasToTransfer == hasToTransfer)
            return;
        _hasToTransfer = hasToTransfer;
        if (!hasToTransfer)
            host.OnTransfersEnded();
    }

    /// <summary>Finds the most complete of those who would take a group over now; true when there are any, or may be soon.</summary>
    private bool FindSuccessors(RaftNode core, long now)
    {
        var any = false;
        var best = 0UL;
        _successors.Clear();
        foreach (var voter in core.Configuration.Voters)
        {
            if (voter == core.Self || !shard.IsConnected(voter) || core.AcceptsLeadershipOf(voter) == false || !_candidates.TryGetValue(voter, out var candidate))
                continue;
            any |= candidate.Failures == 0;
            var match = core.MatchOf(voter);
            if (core.AcceptsLeadershipOf(voter) is null || match < best || !candidate.IsDue(now, shard.Configuration.Raft.ElectionTimeout, MostQuickPauses))
                continue;
            if (match > best)
                _successors.Clear();
            best = match;
            _successors.Add(voter);
        }

        return any || _successors.Count > 0;
    }

    private void Begin(Replica replica, ulong target, long now)
    {
        if (!replica.Core.TransferLeadership(target, now))
            return;
        shard.Leadership.OnTransfer(replica.Group, target);
        _transfers[replica.Group] = new Transfer(target, replica.Core.Term, 0);
        shard.Touch(replica);
    }

    private void CampaignWherePreferred(long now)
    {
        var reachable = 1 + shard.Configuration.Members.Count(m => shard.IsConnected(m.Number));
        if (!shard.Health.MayLead || reachable < shard.Configuration.Majority)
            return;
        foreach (var replica in shard.Replicas)
        {
            if (replica.Core.Leader != 0 || shard.Configuration.PreferredLeader(replica.Group) != replica.Core.Self)
                continue;
            replica.Core.Campaign(now);
            shard.Touch(replica);
        }
    }

    /// <summary>A transfer that was begun in a term; TakenAt is when the target was found to lead, 0 before.</summary>
    private readonly record struct Transfer(ulong Target, ulong Term, long TakenAt);

    /// <summary>What is known of a node as a leader to be, since the connection to it came to stand.</summary>
    private sealed class Candidate
    {
        private long _failedAt;

        /// <summary>Since when it is connected and says nothing against leading.</summary>
        public long SteadySince { get; set; }

        /// <summary>Transfers in a row that it did not take.</summary>
        public int Failures { get; private set; }

        public void Failed(long now) => (Failures, _failedAt) = (Failures + 1, now);

        public void Kept() => Failures = 0;

        /// <summary>Whether the pause after its last failure is over.</summary>
        public bool IsDue(long now, long pause, int mostPauses) => Failures == 0 || now - _failedAt >= pause * Math.Min(1L << Math.Min(Failures, 30), mostPauses);
    }
}
