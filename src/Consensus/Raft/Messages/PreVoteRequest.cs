namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Would you vote for me in Term?</summary>
public sealed record PreVoteRequest : Message
{
    public required ulong LastIndex { get; init; }
    public required ulong LastTerm { get; init; }
}
