namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Leader to follower: a piece of the state at (SnapshotIndex, SnapshotTerm).</summary>
public sealed record SnapshotChunk : Message
{
    /// <summary>Tells images apart, even of the same index.</summary>
    public required ulong SnapshotId { get; init; }

    /// <summary>The last entry that the image covers.</summary>
    public required ulong SnapshotIndex { get; init; }

    /// <summary>Term of that entry.</summary>
    public required ulong SnapshotTerm { get; init; }

    /// <summary>State-machine time of the image.</summary>
    public required long SnapshotTime { get; init; }

    /// <summary>The group's configuration as of SnapshotIndex.</summary>
    public required Configuration Configuration { get; init; }

    /// <summary>Offset of this piece in the image's bytes.</summary>
    public required long Offset { get; init; }

    /// <summary>CRC32C of Data.</summary>
    public required uint Checksum { get; init; }

    /// <summary>Whether this is the last piece.</summary>
    public required bool Last { get; init; }

    /// <summary>Valid until the next input to the core.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }
}
