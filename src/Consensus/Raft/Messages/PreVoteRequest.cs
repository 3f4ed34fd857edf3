namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Would you vote for me in Term?</summary>
public sealed record PreVoteRequest : Message
{
    /// <summary>The candidate's last entry.</summary>
    public required ulong LastIndex { get; init; }

    /// <summary>Term of that entry.</summary>
    public required ulong LastTerm { get; init; }
}
