namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Leader to follower: I lead. CommitIndex is never above what this follower is known to hold.</summary>
public sealed record Heartbeat : Message
{
    /// <summary>What is committed, as far as this follower is known to hold it.</summary>
    public required ulong CommitIndex { get; init; }

    /// <summary>When the leader sent it; echoed, it extends the leader's lease.</summary>
    public required long SentAt { get; init; }

    /// <summary>Read-index round that an answer confirms; 0 for none.</summary>
    public ulong ReadRound { get; init; }

    /// <summary>The leader is about to quiesce: nothing is outstanding. A follower whose log and commit equal LastIndex may stop its election timer.</summary>
    public bool Quiesce { get; init; }

    /// <summary>The leader's last log index; with <see cref="Quiesce"/> the follower compares it with its own.</summary>
    public ulong LastIndex { get; init; }

    /// <summary>The time of the log when the leader sent it, milliseconds since the Unix epoch; 0 if the leader does not know it.</summary>
    public long LogTime { get; init; }
}
