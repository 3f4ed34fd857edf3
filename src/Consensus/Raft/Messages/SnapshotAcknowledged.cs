namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Follower to leader: send from NextOffset. When the image is complete and durable, an <see cref="AppendAccepted"/> with its index follows instead.</summary>
public sealed record SnapshotAcknowledged : Message
{
    public required ulong SnapshotId { get; init; }
    public required long NextOffset { get; init; }
}
