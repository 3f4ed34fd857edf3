namespace RaftKv.Consensus.Raft.Messages;

/// <summary>The follower has no entry (RejectedIndex, the leader's term for it). The hint is where its log may match: an index and the term it has there.</summary>
public sealed record AppendRejected : Message
{
    public required ulong RejectedIndex { get; init; }
    public required ulong HintIndex { get; init; }
    public required ulong HintTerm { get; init; }
    public required long SentAtEcho { get; init; }
    public ulong ReadRound { get; init; }
}
