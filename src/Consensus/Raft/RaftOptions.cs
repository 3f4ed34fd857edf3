namespace RaftKv.Consensus.Raft;

/// <summary>Knobs of one group's core. Times in nanoseconds of the monotonic clock that is passed in. A value out of its range is refused where it is set.</summary>
public sealed record RaftOptions
{
    /// <summary>This node's number, not 0.</summary>
    public required ulong Self { get; init => field = value != 0 ? value : throw Refused(nameof(Self), value, "1 and up"); }

    /// <summary>A follower that hears nothing for a random time in [ElectionTimeout, 2 x ElectionTimeout) campaigns. Above 0.</summary>
    public long ElectionTimeout { get; init => field = AtLeast(1, value, nameof(ElectionTimeout)); } = 300_000_000;

    /// <summary>Time between a leader's heartbeats. Above 0.</summary>
    public long HeartbeatInterval { get; init => field = AtLeast(1, value, nameof(HeartbeatInterval)); } = 25_000_000;

    /// <summary>
    /// How long after hearing from its leader a node refuses its vote to others; a quorum's promise of this is the leader's lease. Shorter than ElectionTimeout, so that
    /// the loss of a leader's connection can be answered after this time and not only after an election timeout. 0 for no lease: reads ask a quorum.
    /// </summary>
    public long LeaderLeaseDuration { get; init => field = AtLeast(0, value, nameof(LeaderLeaseDuration)); } = 90_000_000;

    /// <summary>Stated bound on clock drift, in parts per thousand, 0 to 999: a leader counts its lease shorter by this much.</summary>
    public int DriftPerMille { get; init => field = value is >= 0 and < 1000 ? value : throw Refused(nameof(DriftPerMille), value, "0 to 999"); } = 20;

    /// <summary>Bytes of entries sent to one follower and not yet acknowledged. Above 0.</summary>
    public long MaxInflightBytes { get; init => field = AtLeast(1, value, nameof(MaxInflightBytes)); } = 8 << 20;

    /// <summary>Messages sent to one follower and not yet acknowledged. Above 0.</summary>
    public int MaxInflightMessages { get; init => field = (int)AtLeast(1, value, nameof(MaxInflightMessages)); } = 256;

    /// <summary>Payload bytes in one AppendEntries (a single larger entry goes alone). Above 0.</summary>
    public long MaxAppendBytes { get; init => field = AtLeast(1, value, nameof(MaxAppendBytes)); } = 1 << 20;

    /// <summary>Payload bytes of the leader's uncommitted entries, beyond which proposals are refused (one is always allowed). Above 0.</summary>
    public long MaxUncommittedBytes { get; init => field = AtLeast(1, value, nameof(MaxUncommittedBytes)); } = 64 << 20;

    /// <summary>Payload bytes of entries handed out for apply at a time (at least one entry). Above 0.</summary>
    public long MaxCommittedBytes { get; init => field = AtLeast(1, value, nameof(MaxCommittedBytes)); } = 128 << 10;

    /// <summary>Payload bytes of applied entries kept in memory for followers; older ones are read from storage. Not negative.</summary>
    public long MaxCachedBytes { get; init => field = AtLeast(0, value, nameof(MaxCachedBytes)); } = 16 << 20;

    /// <summary>A leader with nothing to do for this long lets the group quiesce; 0 for never.</summary>
    public long QuiesceAfter { get; init => field = AtLeast(0, value, nameof(QuiesceAfter)); } = 2_000_000_000;

    private static long AtLeast(long least, long value, string name) => value >= least ? value : throw Refused(name, value, $"{least} and up");

    private static ArgumentOutOfRangeException Refused(string name, object value, string allowed) => new(name, value, $"{name} is {value}, allowed is: {allowed}");
}
