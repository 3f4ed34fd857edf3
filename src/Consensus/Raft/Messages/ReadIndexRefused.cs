namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Follower to leader, or leader's refusal: the read index cannot be given now; ask again.</summary>
public sealed record ReadIndexRefused : Message
{
    /// <summary>The asker's name for its read.</summary>
    public required ulong Context { get; init; }
}
