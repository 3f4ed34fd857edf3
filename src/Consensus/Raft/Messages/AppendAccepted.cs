namespace RaftKv.Consensus.Raft.Messages;

/// <summary>The follower's log holds, durably, everything that the leader's does up to MatchIndex.</summary>
public sealed record AppendAccepted : Message
{
    /// <summary>The follower's log equals the leader's up to here.</summary>
    public required ulong MatchIndex { get; init; }

    /// <summary>SentAt of the message that is answered; <see cref="long.MinValue"/> when the answer promises nothing.</summary>
    public required long SentAtEcho { get; init; }

    /// <summary>Read-index round that an answer confirms; 0 for none.</summary>
    public ulong ReadRound { get; init; }
}
