namespace RaftKv.Consensus.Raft.Messages;

/// <summary>
/// A message of one group between two nodes. Sealed types, one meaning per field. Times are the sender's monotonic nanoseconds and only ever echoed, never compared across nodes.
/// </summary>
public abstract record Message
{
    /// <summary>The sending node.</summary>
    public required ulong From { get; init; }

    /// <summary>The node it is for.</summary>
    public required ulong To { get; init; }

    /// <summary>The sender's term (for a pre-vote: the term it would campaign in).</summary>
    public required ulong Term { get; init; }
}

/// <summary>Leader to follower: entries that follow (PreviousIndex, PreviousTerm). An empty list probes.</summary>
public sealed record AppendEntries : Message
{
    public required ulong PreviousIndex { get; init; }
    public required ulong PreviousTerm { get; init; }
    public required ulong CommitIndex { get; init; }

    /// <summary>When the leader sent it; echoed, it extends the leader's lease.</summary>
    public required long SentAt { get; init; }

    /// <summary>Read-index round that an answer confirms; 0 for none.</summary>
    public ulong ReadRound { get; init; }

    /// <summary>Payloads are valid until the next input to the core that made or received the message.</summary>
    public IReadOnlyList<LogEntry> Entries { get; init; } = [];
}

/// <summary>The follower's log holds, durably, everything that the leader's does up to MatchIndex.</summary>
public sealed record AppendAccepted : Message
{
    public required ulong MatchIndex { get; init; }
    public required long SentAtEcho { get; init; }
    public ulong ReadRound { get; init; }
}

/// <summary>The follower has no entry (RejectedIndex, the leader's term for it). The hint is where its log may match: an index and the term it has there.</summary>
public sealed record AppendRejected : Message
{
    public required ulong RejectedIndex { get; init; }
    public required ulong HintIndex { get; init; }
    public required ulong HintTerm { get; init; }
    public required long SentAtEcho { get; init; }
    public ulong ReadRound { get; init; }
}

/// <summary>Leader to follower: I lead. CommitIndex is never above what this follower is known to hold.</summary>
public sealed record Heartbeat : Message
{
    public required ulong CommitIndex { get; init; }
    public required long SentAt { get; init; }
    public ulong ReadRound { get; init; }

    /// <summary>The leader is about to fall silent: nothing is outstanding. A follower whose log and commit equal LastIndex may stop its election timer.</summary>
    public bool Quiesce { get; init; }

    /// <summary>The leader's last log index; with <see cref="Quiesce"/> the follower compares it with its own.</summary>
    public ulong LastIndex { get; init; }
}

/// <summary>Answer to a heartbeat.</summary>
public sealed record HeartbeatAcknowledged : Message
{
    public required long SentAtEcho { get; init; }
    public ulong ReadRound { get; init; }

    /// <summary>Whether the follower has quiesced as asked.</summary>
    public bool Quiesced { get; init; }
}

/// <summary>Would you vote for me in Term?</summary>
public sealed record PreVoteRequest : Message
{
    public required ulong LastIndex { get; init; }
    public required ulong LastTerm { get; init; }
}

/// <summary>Answer to a pre-vote. When granted, Term is the term asked for; when refused, the voter's own.</summary>
public sealed record PreVoteResponse : Message
{
    public required bool Granted { get; init; }
}

/// <summary>Vote for me in Term.</summary>
public sealed record VoteRequest : Message
{
    public required ulong LastIndex { get; init; }
    public required ulong LastTerm { get; init; }

    /// <summary>The leader itself asked for this election: leader stickiness does not apply.</summary>
    public bool LeadershipTransfer { get; init; }
}

/// <summary>Answer to a vote request; leaves only after the vote is durable.</summary>
public sealed record VoteResponse : Message
{
    public required bool Granted { get; init; }
}

/// <summary>Leader to the transfer target: campaign at once.</summary>
public sealed record TimeoutNow : Message;

/// <summary>Follower to leader: which index must a linearizable read wait for?</summary>
public sealed record ReadIndexRequest : Message
{
    public required ulong Context { get; init; }
}

/// <summary>Answer to <see cref="ReadIndexRequest"/>.</summary>
public sealed record ReadIndexResponse : Message
{
    public required ulong Context { get; init; }
    public required ulong Index { get; init; }
}

/// <summary>Follower to leader, or leader's refusal: the read index cannot be given now; ask again.</summary>
public sealed record ReadIndexRefused : Message
{
    public required ulong Context { get; init; }
}

/// <summary>Leader to follower: a piece of the state at (SnapshotIndex, SnapshotTerm).</summary>
public sealed record SnapshotChunk : Message
{
    /// <summary>Tells images apart, even of the same index.</summary>
    public required ulong SnapshotId { get; init; }
    public required ulong SnapshotIndex { get; init; }
    public required ulong SnapshotTerm { get; init; }

    /// <summary>State-machine time of the image.</summary>
    public required long SnapshotTime { get; init; }

    /// <summary>The group's configuration as of SnapshotIndex.</summary>
    public required Configuration Configuration { get; init; }

    /// <summary>Offset of this piece in the image's bytes.</summary>
    public required long Offset { get; init; }

    /// <summary>CRC32C of Data.</summary>
    public required uint Checksum { get; init; }

    /// <summary>Whether this is the last piece.</summary>
    public required bool Last { get; init; }

    /// <summary>Valid until the next input to the core.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }
}

/// <summary>Follower to leader: send from NextOffset. When the image is complete and durable, an <see cref="AppendAccepted"/> with its index follows instead.</summary>
public sealed record SnapshotAcknowledged : Message
{
    public required ulong SnapshotId { get; init; }
    public required long NextOffset { get; init; }
}

/// <summary>Follower to leader: this image cannot be used (damaged, or not wanted any more); begin again or go back to entries.</summary>
public sealed record SnapshotRefused : Message
{
    public required ulong SnapshotId { get; init; }
}
