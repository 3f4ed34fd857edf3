namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Follower to leader: send from NextOffset. When the image is complete and durable, an <see cref="AppendAccepted"/> with its index follows instead.</summary>
public sealed record SnapshotAcknowledged : Message
{
    /// <summary>Tells images apart, even of the same index.</summary>
    public required ulong SnapshotId { get; init; }

    /// <summary>Bytes of the image held so far.</summary>
    public required long NextOffset { get; init; }
}
