namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to <see cref="ReadIndexRequest"/>.</summary>
public sealed record ReadIndexResponse : Message
{
    /// <summary>The asker's name for its read.</summary>
    public required ulong Context { get; init; }

    /// <summary>The read may be served once this is applied.</summary>
    public required ulong Index { get; init; }
}
