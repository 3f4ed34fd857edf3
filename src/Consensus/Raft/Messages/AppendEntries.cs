namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Leader to follower: entries that follow (PreviousIndex, PreviousTerm). An empty list probes.</summary>
public sealed record AppendEntries : Message
{
    /// <summary>The entry that Entries follow.</summary>
    public required ulong PreviousIndex { get; init; }

    /// <summary>The leader's term for the entry at PreviousIndex.</summary>
    public required ulong PreviousTerm { get; init; }

    /// <summary>The leader's commit index; the follower commits no further than what this message verifies.</summary>
    public required ulong CommitIndex { get; init; }

    /// <summary>When the leader sent it; echoed, it extends the leader's lease.</summary>
    public required long SentAt { get; init; }

    /// <summary>Read-index round that an answer confirms; 0 for none.</summary>
    public ulong ReadRound { get; init; }

    /// <summary>Payloads are valid until the next input to the core that made or received the message.</summary>
    public IReadOnlyList<LogEntry> Entries { get; init; } = [];
}
