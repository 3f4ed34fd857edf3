namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to <see cref="ReadIndexRequest"/>.</summary>
public sealed record ReadIndexResponse : Message
{
    public required ulong Context { get; init; }
    public required ulong Index { get; init; }
}
