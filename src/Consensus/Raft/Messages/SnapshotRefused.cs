namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Follower to leader: this image cannot be used (damaged, or not wanted any more); begin again or go back to entries.</summary>
public sealed record SnapshotRefused : Message
{
    /// <summary>Tells images apart, even of the same index.</summary>
    public required ulong SnapshotId { get; init; }
}
