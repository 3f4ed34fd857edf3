namespace RaftKv.Hosting;

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
