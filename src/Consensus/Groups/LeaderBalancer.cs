using RaftKv.Consensus.Raft;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// Keeps leaders spread over the nodes: at the start each group's preferred node campaigns first; later a leader hands over to the preferred node once that is connected and steady.
/// </summary>
internal sealed class LeaderBalancer(Shard shard)
{
    private const long Interval = 1_000_000_000;

    /// <summary>A node that just came back has a cold cache and may leave again: it leads only after a while.</summary>
    private const long SteadyAfter = 5_000_000_000;

    private readonly Dictionary<ulong, long> _connectedSince = [];
    private bool _handingOver;
    private int _handOvers;

    public long NextDeadline { get; private set; } = long.MinValue;

    public void OnPeerConnected(ulong peer, long now)
    {
        _connectedSince[peer] = now;
        CampaignWherePreferred(now);
    }

    public void Tick(long now)
    {
        if (now < NextDeadline)
            return;
        NextDeadline = now + Interval;
        if (_handingOver)
            return;
        foreach (var replica in shard.Replicas)
        {
            var preferred = shard.Configuration.PreferredLeader(replica.Group);
            if (replica.Core.Role != RaftRole.Leader || preferred == replica.Core.Self || !shard.IsConnected(preferred) || now - _connectedSince[preferred] < SteadyAfter)
                continue;
            replica.Core.TransferLeadership(preferred, now);
            shard.Touch(replica);
        }
    }

    /// <summary>
    /// This node should not lead any more (it stops, its disk is full or hangs): every group goes to a connected peer. To be called again while that is so: those who hold everything take turns,
    /// because one that is connected and yet cannot take over would else be asked for ever.
    /// </summary>
    public void HandOver(long now)
    {
        _handingOver = true;
        foreach (var replica in shard.Replicas)
        {
            var core = replica.Core;
            if (core.Role != RaftRole.Leader || core.IsTransferring)
                continue;
            var successors = core.Configuration.Voters.Where(v => v != core.Self && shard.IsConnected(v)).OrderByDescending(core.MatchOf).ToList();
            if (successors.Count == 0)
                continue;
            var ready = Math.Max(1, successors.Count(v => core.MatchOf(v) == core.LastIndex));
            core.TransferLeadership(successors[_handOvers++ % ready], now);
            shard.Touch(replica);
        }
    }

    /// <summary>The reason of <see cref="HandOver"/> is gone.</summary>
    public void ResumeLeading() => _handingOver = false;

    private void CampaignWherePreferred(long now)
    {
        var reachable = 1 + shard.Configuration.Members.Count(m => shard.IsConnected(m.Number));
        if (reachable < shard.Configuration.Majority)
            return;
        foreach (var replica in shard.Replicas)
        {
            if (replica.Core.Leader != 0 || shard.Configuration.PreferredLeader(replica.Group) != replica.Core.Self)
                continue;
            replica.Core.Campaign(now);
            shard.Touch(replica);
        }
    }
}
