namespace RaftKv.Consensus.Raft;

/// <summary>
/// How long nobody else can have been elected (thesis 6.4.1): a quorum answered messages sent at or after a time, so each of it refuses others its vote for LeaderLeaseDuration from then on.
/// Counted from the sending, on this node's clock, shortened by the drift bound; the followers count from the later receipt.
/// Invariant: no lease before the own term has committed (the commit index might be behind), during a transfer, while silent, or after a TimeoutNow was sent in this term:
/// that message may yet arrive, and voters are released from their promises for the election it starts.
/// Invariant: after a lease was surrendered, only answers to messages sent later renew it.
/// </summary>
internal sealed class LeaderLease(RaftOptions options)
{
    private long _floor = long.MinValue;
    private bool _suspended = true;
    private bool _surrendered;
    private bool _forbidden;

    /// <summary>Exclusive end, <see cref="long.MinValue"/> without a lease.</summary>
    public long Until { get; private set; } = long.MinValue;

    /// <summary>Renews from the time that a quorum has echoed.</summary>
    public void Renew(long quorumEcho)
    {
        if (_suspended || _forbidden || options.LeaderLeaseDuration <= 0 || quorumEcho == long.MinValue || quorumEcho < _floor)
            return;
        Until = Math.Max(Until, quorumEcho + (options.LeaderLeaseDuration / 1000 * (1000 - options.DriftPerMille)));
    }

    /// <summary>Gives the lease up.</summary>
    public void Surrender()
    {
        _suspended = _surrendered = true;
        Until = long.MinValue;
    }

    /// <summary>Gives the lease up for the rest of the term.</summary>
    public void Forbid()
    {
        Surrender();
        _forbidden = true;
    }

    /// <summary>May be renewed again, by what is sent from now on.</summary>
    public void Permit(long now)
    {
        if (_surrendered)
            _floor = now;
        _suspended = _surrendered = false;
    }
}
