namespace RaftKv.Consensus.Raft;

/// <summary>
/// A handover in progress (thesis 3.10).
/// Invariant: while Target is set there is no lease and proposals are refused; it ends with leadership or after an election timeout.
/// </summary>
internal sealed class LeadershipTransfer
{
    /// <summary>Who is to lead, 0 when no transfer is under way.</summary>
    public ulong Target { get; private set; }

    /// <summary>When it is given up.</summary>
    public long Deadline { get; private set; } = long.MaxValue;

    /// <summary>Whether the target was told to campaign.</summary>
    public bool Told { get; set; }

    public void Begin(ulong target, long deadline)
    {
        Target = target;
        Deadline = deadline;
        Told = false;
    }

    public void End()
    {
        Target = 0;
        Deadline = long.MaxValue;
    }
}
