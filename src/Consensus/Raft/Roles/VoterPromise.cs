namespace RaftKv.Consensus.Raft;

/// <summary>
/// What this node owes to a leader it heard from: no vote for anyone else for a while. A quorum of such promises is the leader's lease.
/// Invariant: Until never goes back, and counts from the receipt of a message, which is not before the leader sent it.
/// Invariant: a restarted node that may have promised keeps the longest promise it can have made.
/// </summary>
internal sealed class VoterPromise(long leaseDuration)
{
    /// <summary>Votes are refused before this time.</summary>
    public long Until { get; private set; } = long.MinValue;

    /// <summary>Whether votes are refused.</summary>
    public bool Holds(long now) => now < Until;

    /// <summary>The current leader was heard from.</summary>
    public void Renew(long now) => ExtendTo(now + leaseDuration);

    /// <summary>Refuses votes at least until then.</summary>
    public void ExtendTo(long until) => Until = Math.Max(Until, until);
}
