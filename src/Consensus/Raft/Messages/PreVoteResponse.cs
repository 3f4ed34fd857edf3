namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to a pre-vote. When granted, Term is the term asked for; when refused, the voter's own.</summary>
public sealed record PreVoteResponse : Message
{
    /// <summary>Yes or no.</summary>
    public required bool Granted { get; init; }
}
