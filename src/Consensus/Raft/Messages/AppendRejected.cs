namespace RaftKv.Consensus.Raft.Messages;

/// <summary>The follower has no entry (RejectedIndex, the leader's term for it). The hint is where its log may match: an index and the term it has there.</summary>
public sealed record AppendRejected : Message
{
    /// <summary>PreviousIndex of the message that is answered.</summary>
    public required ulong RejectedIndex { get; init; }

    /// <summary>The highest entry of the follower that may match.</summary>
    public required ulong HintIndex { get; init; }

    /// <summary>The follower's term for it.</summary>
    public required ulong HintTerm { get; init; }

    /// <summary>SentAt of the message that is answered; <see cref="long.MinValue"/> when the answer promises nothing.</summary>
    public required long SentAtEcho { get; init; }

    /// <summary>Read-index round that an answer confirms; 0 for none.</summary>
    public ulong ReadRound { get; init; }
}
