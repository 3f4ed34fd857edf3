namespace RaftKv.Consensus.Groups.Node;

/// <summary>Why a data directory was refused.</summary>
public enum DataDirectoryProblem
{
    /// <summary>Another process has it open.</summary>
    InUse,

    /// <summary>It belongs to another cluster.</summary>
    OtherCluster,

    /// <summary>It belongs to another node.</summary>
    OtherNode,

    /// <summary>It was founded with other nodes.</summary>
    OtherMembers,

    /// <summary>It was founded with another number of groups.</summary>
    OtherGroups,

    /// <summary>It was written by another version.</summary>
    OtherVersion,

    /// <summary>Its identity file is damaged.</summary>
    Damaged,

    /// <summary>It holds something, but is no data directory of RaftKv.</summary>
    Foreign,
}

/// <summary>A data directory was refused; nothing in it was changed. The message is one sentence for an operator.</summary>
public sealed class DataDirectoryException(DataDirectoryProblem problem, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public DataDirectoryProblem Problem { get; } = problem;
}
