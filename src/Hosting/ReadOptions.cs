namespace RaftKv.Hosting;

/// <summary>Options of a read. The default is a linearizable read within the node's request timeout.</summary>
public readonly record struct ReadOptions
{
    /// <summary>How fresh the read must be.</summary>
    public ReadConsistency Consistency { get; init; }

    /// <summary>How long it may take, more than zero; null for the node's request timeout.</summary>
    public TimeSpan? Timeout { get; init; }
}
