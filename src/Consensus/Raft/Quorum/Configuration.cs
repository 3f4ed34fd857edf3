namespace RaftKv.Consensus.Raft;

/// <summary>
/// Who votes and who learns. Joint while <see cref="Outgoing"/> is not empty: then a decision needs a majority of both sets (Raft thesis 4.3). Immutable, sets sorted.
/// </summary>
public sealed record Configuration
{
    /// <summary>Voters (the incoming set while joint).</summary>
    public IReadOnlyList<ulong> Voters { get; init; } = [];

    /// <summary>The outgoing voters while joint, else empty.</summary>
    public IReadOnlyList<ulong> Outgoing { get; init; } = [];

    /// <summary>Nodes that receive the log and do not vote.</summary>
    public IReadOnlyList<ulong> Learners { get; init; } = [];

    /// <summary>Voters of the outgoing set that become learners when the joint configuration is left.</summary>
    public IReadOnlyList<ulong> LearnersNext { get; init; } = [];

    /// <summary>Whether the leader leaves the joint configuration by itself as soon as it is committed.</summary>
    public bool AutoLeave { get; init; }

    /// <summary>Whether two majorities are needed.</summary>
    public bool IsJoint => Outgoing.Count > 0;
}
