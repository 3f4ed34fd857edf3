namespace RaftKv.Consensus.Raft;

/// <summary>
/// When a voter without a leader campaigns: after a random election timeout, or, once the connection to its leader broke, as soon as promises allow, and then again and again
/// every few milliseconds until there is a leader. The quick path costs no safety: promises and votes are the same.
/// </summary>
internal sealed class ElectionTimer(RaftOptions options, DeterministicRandom random)
{
    private const long Millisecond = 1_000_000;

    private long _regular = long.MaxValue;
    private long _quick = long.MaxValue;
    private int _failedElections;

    /// <summary>The leader whose connection broke, 0 if none did since a leader was found.</summary>
    public ulong LostLeader { get; private set; }

    /// <summary>When to campaign.</summary>
    public long Deadline => Math.Min(_regular, _quick);

    /// <summary>Begins a new random election timeout.</summary>
    public void Arm(long now) => _regular = now + options.ElectionTimeout + random.Below(options.ElectionTimeout);

    /// <summary>A leader lives: back to regular timeouts.</summary>
    public void LeaderFound()
    {
        LostLeader = 0;
        _quick = long.MaxValue;
        _failedElections = 0;
    }

    /// <summary>The connection to the leader broke; campaign at <paramref name="notBefore"/>, spread over a few milliseconds so that candidates seldom collide.</summary>
    public void LeaderLost(ulong leader, long notBefore)
    {
        LostLeader = leader;
        _quick = notBefore + random.Below(10 * Millisecond);
    }

    /// <summary>Campaign once at this time, whatever else is due.</summary>
    public void CampaignAt(long time) => _quick = Math.Min(_quick, time);

    /// <summary>A promise forbids campaigning until then.</summary>
    public void Postpone(long until)
    {
        var spread = random.Below(10 * Millisecond);
        _regular = Math.Max(_regular, until + spread);
        if (_quick < until)
            _quick = until + spread;
    }

    /// <summary>A pre-vote went out: ask again soon if a lost leader is being replaced, else after a timeout.</summary>
    public void PreVoteSent(long now)
    {
        Arm(now);
        _quick = LostLeader == 0 ? long.MaxValue : now + (5 * Millisecond) + random.Below(5 * Millisecond);
    }

    /// <summary>A real vote is under way, ours or another's that we voted for: give it time, more after each failure, because a split vote repeated at once splits again.</summary>
    public void VoteUnderWay(long now)
    {
        Arm(now);
        if (LostLeader == 0)
        {
            _quick = long.MaxValue;
            return;
        }

        var patience = Math.Min(options.HeartbeatInterval << Math.Min(_failedElections++, 10), options.ElectionTimeout);
        _quick = now + patience + random.Below(patience);
    }
}
