namespace RaftKv.Consensus.Groups.Node;

/// <summary>Whose data directory is asked for.</summary>
public sealed record DataDirectoryRequest
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The node's number: its place among <see cref="Members"/>.</summary>
    public required ulong Number { get; init; }

    /// <summary>The names of all nodes in the order of their numbers, joined by commas.</summary>
    public required string Members { get; init; }

    /// <summary>The cluster, for a directory that is claimed by this start; one that was founded keeps its own, wherever its nodes are today.</summary>
    public required ulong Cluster { get; init; }

    /// <summary>The cluster's name; null if none was given, and then whatever an existing directory has.</summary>
    public string? ClusterName { get; init; }

    /// <summary>Number of data groups; null if none was given, and then what an existing directory has, or <see cref="DataDirectory.DefaultGroups"/>.</summary>
    public int? Groups { get; init; }

    /// <summary>Number of stores of a directory that is claimed, 1 to <see cref="DataDirectory.MaxStores"/>; an existing one keeps its own.</summary>
    public required int Stores { get; init; }

    /// <summary>A random number, not 0, that becomes the incarnation of a directory that is claimed.</summary>
    public required ulong FreshIncarnation { get; init; }
}
