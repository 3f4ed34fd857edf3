namespace RaftKv.Hosting;

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
