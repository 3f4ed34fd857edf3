namespace RaftKv.Consensus.Groups;

/// <summary>Whose data directory is asked for.</summary>
public sealed record DataDirectoryRequest
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The cluster; null for whichever an existing directory belongs to. Needed to create one.</summary>
    public ulong? Cluster { get; init; }

    /// <summary>The node's number; null for whichever an existing directory has. Needed to create one.</summary>
    public ulong? Number { get; init; }

    /// <summary>Number of stores of a directory that is created, 1 to <see cref="DataDirectory.MaxStores"/>; an existing one keeps its own.</summary>
    public required int Stores { get; init; }

    /// <summary>A random number, not 0, that becomes the incarnation of a directory that is created.</summary>
    public required ulong FreshIncarnation { get; init; }
}
