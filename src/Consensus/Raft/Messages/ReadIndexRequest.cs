namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Follower to leader: which index must a linearizable read wait for?</summary>
public sealed record ReadIndexRequest : Message
{
    /// <summary>The asker's name for its read.</summary>
    public required ulong Context { get; init; }
}
