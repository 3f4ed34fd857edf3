namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to a vote request; leaves only after the vote is durable.</summary>
public sealed record VoteResponse : Message
{
    /// <summary>Yes or no.</summary>
    public required bool Granted { get; init; }
}
