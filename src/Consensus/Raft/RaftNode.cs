using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Raft for one group, as a deterministic state machine (Ongaro's thesis, 2014). Inputs change its state; what must be done about it is collected by <see cref="TakeEffects"/>.
/// Not thread-safe: its shard's thread owns it. Reads no clock: <c>now</c> is monotonic nanoseconds, never decreasing.
/// </summary>
public sealed class RaftNode
{
    public RaftNode(RaftOptions options, RaftInitialState initial, ILogStorage storage, ulong seed, long now) => throw new NotImplementedException();

    // ---- observation
    public ulong Self => throw new NotImplementedException();
    public RaftRole Role => throw new NotImplementedException();
    public ulong Term => throw new NotImplementedException();
    /// <summary>The leader as far as known, 0 if unknown.</summary>
    public ulong Leader => throw new NotImplementedException();
    public ulong FirstIndex => throw new NotImplementedException();
    public ulong LastIndex => throw new NotImplementedException();
    public ulong CommitIndex => throw new NotImplementedException();
    public ulong AppliedIndex => throw new NotImplementedException();
    public Configuration Configuration => throw new NotImplementedException();
    /// <summary>Exclusive end, on the local monotonic clock, of the time in which a local read is linearizable (once applied up to commit); <see cref="long.MinValue"/> without a lease.</summary>
    public long LeaseUntil => throw new NotImplementedException();
    /// <summary>When <see cref="Tick"/> wants to be called next; <see cref="long.MaxValue"/> for a quiescent group.</summary>
    public long NextDeadline => throw new NotImplementedException();
    public bool IsQuiescent => throw new NotImplementedException();
    /// <summary>Lowest index that all reachable followers are known to hold: what is below need not be kept for them. Leader only, else LastIndex.</summary>
    public ulong LowestMatch => throw new NotImplementedException();
    public ulong TransferTarget => throw new NotImplementedException();

    // ---- inputs
    public void Step(Message message, long now) => throw new NotImplementedException();
    public void Tick(long now) => throw new NotImplementedException();
    /// <summary>Appends a command (copied). <paramref name="timestamp"/> is raised to the last entry's if it is lower.</summary>
    public ProposeStatus Propose(ReadOnlySpan<byte> payload, long timestamp, long now, out ulong index) => throw new NotImplementedException();
    public ProposeStatus ProposeConfiguration(ConfigurationChange change, long timestamp, long now, out ulong index) => throw new NotImplementedException();
    /// <summary>Asks for a read index; answered by a <see cref="ReadState"/> with the same context (not 0), or refused. On a follower it is forwarded to the leader.</summary>
    public ReadIndexStatus ReadIndex(ulong context, long now) => throw new NotImplementedException();
    /// <summary>Begins to hand leadership over; proposals and lease reads stop until it succeeds or an election timeout has passed. False when not leader or not a voter.</summary>
    public bool TransferLeadership(ulong target, long now) => throw new NotImplementedException();
    /// <summary>The connection to a node is up.</summary>
    public void PeerConnected(ulong peer, long now) => throw new NotImplementedException();
    /// <summary>The connection to a node broke: if it is the leader, campaign as soon as promises allow.</summary>
    public void PeerDisconnected(ulong peer, long now) => throw new NotImplementedException();
    /// <summary>All writes of the effects that carried this token are durable.</summary>
    public void WritesDurable(StorageToken token, long now) => throw new NotImplementedException();
    /// <summary>The state machine has applied up to this index (at most what was handed out as committed).</summary>
    public void Applied(ulong index) => throw new NotImplementedException();
    /// <summary>The log up to this index (at most applied) is no longer needed: forget it. Its durable copy may be dropped by the caller once no read can ask for it.</summary>
    public void Compact(ulong index) => throw new NotImplementedException();
    /// <summary>A received image is installed and durable, and the durable log was reset to start after it; the core resets its log and tells the leader.</summary>
    public void SnapshotInstalled(ulong index, ulong term, Configuration configuration, long now) => throw new NotImplementedException();
    /// <summary>The leader's runtime gave up sending an image to a follower, or has finished; probing resumes.</summary>
    public void SnapshotEnded(ulong peer, long now) => throw new NotImplementedException();
    /// <summary>Wakes a quiescent group.</summary>
    public void Wake(long now) => throw new NotImplementedException();
    /// <summary>Starts an election at once (tests, and the first start of a group to spread leaders); still with a pre-vote.</summary>
    public void Campaign(long now) => throw new NotImplementedException();

    // ---- effects
    public bool HasEffects => throw new NotImplementedException();
    /// <summary>Clears <paramref name="effects"/>, then moves what has to be done into it.</summary>
    public void TakeEffects(RaftEffects effects) => throw new NotImplementedException();
}

public enum RaftRole { Follower, PreCandidate, Candidate, Leader, Learner }

public enum ProposeStatus
{
    Accepted,
    /// <summary>Not leader: ask <see cref="RaftNode.Leader"/>.</summary>
    NotLeader,
    /// <summary>Leadership is being handed over.</summary>
    TransferInProgress,
    /// <summary>Too many uncommitted bytes.</summary>
    Overloaded,
    /// <summary>A configuration change is under way, or this one is not valid.</summary>
    ConfigurationRefused,
}

public enum ReadIndexStatus
{
    /// <summary>A <see cref="ReadState"/> will follow, unless leadership is lost or a message goes missing: callers retry after a while.</summary>
    Pending,
    /// <summary>No leader is known, or it has not committed in its term yet.</summary>
    NotReady,
}

/// <summary>A read asked for with this context may be served once the state machine has applied <paramref name="Index"/>. Index 0: refused, ask again.</summary>
public readonly record struct ReadState(ulong Context, ulong Index);

/// <summary>Names a set of writes: everything that one <see cref="RaftNode.TakeEffects"/> wanted written, in order.</summary>
/// <remarks>Invariant: tokens of a core are confirmed in the order in which they were handed out.</remarks>
public readonly record struct StorageToken(ulong Sequence, ulong LastIndex, ulong LastTerm);

/// <summary>What a core remembers across restarts, as recovered from log and store.</summary>
public sealed record RaftInitialState
{
    public ulong Term { get; init; }
    public ulong Vote { get; init; }
    /// <summary>The log begins after this entry.</summary>
    public ulong StartIndex { get; init; }
    public ulong StartTerm { get; init; }
    public ulong LastIndex { get; init; }
    public IReadOnlyList<RaftKv.Engine.Wal.TermRun> Terms { get; init; } = [];
    /// <summary>What the state machine has already applied; at least StartIndex; known to be committed.</summary>
    public ulong AppliedIndex { get; init; }
    /// <summary>The configuration as of AppliedIndex.</summary>
    public required Configuration Configuration { get; init; }
    /// <summary>Configuration entries after AppliedIndex, in order: they take effect when appended.</summary>
    public IReadOnlyList<LogEntry> LaterConfigurations { get; init; } = [];
    /// <summary>Timestamp of the last entry, or state-machine time: new entries are stamped no lower.</summary>
    public long LastTimestamp { get; init; }
}

/// <summary>
/// What has to be done. Order within one set: hand <see cref="HardState"/> and <see cref="Entries"/> to the log as one batch; send <see cref="Messages"/> at any time;
/// send <see cref="MessagesAfterDurable"/> and call <see cref="RaftNode.WritesDurable"/> only when that batch is durable; apply <see cref="Committed"/> in order.
/// Payloads and lists are valid until the next input to the core. Reused between calls.
/// </summary>
public sealed class RaftEffects
{
    public List<Message> Messages { get; } = [];
    public List<Message> MessagesAfterDurable { get; } = [];
    /// <summary>Term and vote, when they changed; written as one record.</summary>
    public (ulong Term, ulong Vote)? HardState { get; set; }
    /// <summary>To be written; the first may overwrite a conflicting tail of the durable log.</summary>
    public List<LogEntry> Entries { get; } = [];
    /// <summary>Set when there is anything to write or any message waits for durability.</summary>
    public StorageToken? Token { get; set; }
    /// <summary>Committed and locally durable, in order, each handed out once.</summary>
    public List<LogEntry> Committed { get; } = [];
    public List<ReadState> ReadStates { get; } = [];
    /// <summary>Followers that need entries the log no longer has: send them an image.</summary>
    public List<ulong> SnapshotsToSend { get; } = [];
    /// <summary>Pieces of an image from the current leader, for the runtime to store and answer.</summary>
    public List<SnapshotChunk> SnapshotChunks { get; } = [];
    /// <summary>Answers to pieces this node sent, for the runtime.</summary>
    public List<Message> SnapshotAnswers { get; } = [];
    /// <summary>Role, term or leader changed since the last time.</summary>
    public bool LeadershipChanged { get; set; }
}
