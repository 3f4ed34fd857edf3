namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Vote for me in Term.</summary>
public sealed record VoteRequest : Message
{
    /// <summary>The candidate's last entry.</summary>
    public required ulong LastIndex { get; init; }

    /// <summary>Term of that entry.</summary>
    public required ulong LastTerm { get; init; }

    /// <summary>The leader itself asked for this election: leader stickiness does not apply.</summary>
    public bool LeadershipTransfer { get; init; }
}
