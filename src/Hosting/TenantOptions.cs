namespace RaftKv.Hosting;

/// <summary>How fresh a read must be.</summary>
public enum ReadConsistency
{
    /// <summary>It sees every write acknowledged before it began, whichever node took it.</summary>
    Linearizable = 0,

    /// <summary>It sees some earlier state: what this node's replica has applied. Answered without the leader, and so also while there is none.</summary>
    Stale = 1,
}

/// <summary>When a put writes.</summary>
public enum WriteCondition
{
    /// <summary>Always.</summary>
    None = 0,

    /// <summary>Only if the key is absent.</summary>
    IfAbsent = 1,

    /// <summary>Only if the key is there.</summary>
    IfPresent = 2,
}

/// <summary>Options of a read. The default is a linearizable read within the node's request timeout.</summary>
public readonly record struct ReadOptions
{
    /// <summary>How fresh the read must be.</summary>
    public ReadConsistency Consistency { get; init; }

    /// <summary>How long it may take, more than zero; null for the node's request timeout.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>Options of a write. The default writes unconditionally, without expiry, within the node's request timeout.</summary>
public readonly record struct WriteOptions
{
    /// <summary>When to write. Only <see cref="Tenant.PutAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/> obeys it.</summary>
    public WriteCondition Condition { get; init; }

    /// <summary>Time after which the key is gone, at least one millisecond, counted by the leader's clock from the moment it takes the write; null for never.</summary>
    public TimeSpan? ExpiresAfter { get; init; }

    /// <summary>Whether the key keeps the expiry that it has. Excludes <see cref="ExpiresAfter"/>.</summary>
    public bool KeepExpiry { get; init; }

    /// <summary>How long it may take, more than zero; null for the node's request timeout.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>Options of a scan. The default lists all pairs, linearizably page by page.</summary>
public readonly record struct ScanOptions
{
    /// <summary>Whether values are left out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>How fresh each page must be.</summary>
    public ReadConsistency Consistency { get; init; }

    /// <summary>How long each page may take, more than zero; null for the node's request timeout.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Pairs fetched at a time, 1 to 100,000; 0 for 1,000. Pages also end near 1 MiB.</summary>
    public int PageSize { get; init; }
}
