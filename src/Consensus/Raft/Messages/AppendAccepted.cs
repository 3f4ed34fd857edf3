namespace RaftKv.Consensus.Raft.Messages;

/// <summary>The follower's log holds, durably, everything that the leader's does up to MatchIndex.</summary>
public sealed record AppendAccepted : Message
{
    public required ulong MatchIndex { get; init; }
    public required long SentAtEcho { get; init; }
    public ulong ReadRound { get; init; }
}
