namespace RaftKv.Consensus.Raft;

/// <summary>Knobs of one group's core. Times in nanoseconds of the monotonic clock that is passed in.</summary>
public sealed record RaftOptions
{
    /// <summary>This node's number, not 0.</summary>
    public required ulong Self { get; init; }

    /// <summary>A follower that hears nothing for a random time in [ElectionTimeout, 2 x ElectionTimeout) campaigns.</summary>
    public long ElectionTimeout { get; init; } = 300_000_000;

    /// <summary>Time between a leader's heartbeats.</summary>
    public long HeartbeatInterval { get; init; } = 25_000_000;

    /// <summary>
    /// How long after hearing from its leader a node refuses its vote to others; a quorum's promise of this is the leader's lease. Shorter than ElectionTimeout, so that
    /// the loss of a leader's connection can be answered after this time and not only after an election timeout.
    /// </summary>
    public long LeaseDuration { get; init; } = 90_000_000;

    /// <summary>Stated bound on clock drift, in parts per thousand: a leader counts its lease shorter by this much.</summary>
    public int DriftPerMille { get; init; } = 20;

    /// <summary>Bytes of entries sent to one follower and not yet acknowledged.</summary>
    public long MaxInflightBytes { get; init; } = 8 << 20;

    /// <summary>Messages sent to one follower and not yet acknowledged.</summary>
    public int MaxInflightMessages { get; init; } = 256;

    /// <summary>Payload bytes in one AppendEntries (a single larger entry goes alone).</summary>
    public long MaxAppendBytes { get; init; } = 1 << 20;

    /// <summary>Payload bytes of the leader's uncommitted entries, beyond which proposals are refused (one is always allowed).</summary>
    public long MaxUncommittedBytes { get; init; } = 64 << 20;

    /// <summary>Payload bytes of entries handed out for apply at a time (at least one entry).</summary>
    public long MaxCommittedBytes { get; init; } = 128 << 10;

    /// <summary>Payload bytes of applied entries kept in memory for followers; older ones are read from storage.</summary>
    public long MaxCachedBytes { get; init; } = 16 << 20;

    /// <summary>A leader with nothing to do for this long lets the group fall silent; 0 for never.</summary>
    public long QuiesceAfter { get; init; } = 2_000_000_000;
}
