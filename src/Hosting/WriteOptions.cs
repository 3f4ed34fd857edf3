namespace RaftKv.Hosting;

/// <summary>
/// Options of an operation that writes a value. The default writes unconditionally, without expiry (an increment keeps the one that the key has), within the node's request timeout.
/// An option that an operation cannot obey is refused with an <see cref="ArgumentException"/>, never ignored.
/// </summary>
public readonly record struct WriteOptions
{
    /// <summary>When to write. For <see cref="Tenant.PutAsync(ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, WriteOptions, CancellationToken)"/> and the puts of a batch only.</summary>
    public WriteCondition Condition { get; init; }

    /// <summary>Time after which the key is gone, at least one millisecond, counted from the moment its group takes the write, by the monotonic clocks of its leaders: no wall clock makes it more than 1 % shorter or longer; null for never.</summary>
    public TimeSpan? ExpiresAfter { get; init; }

    /// <summary>Whether the key keeps the expiry that it has. Excludes <see cref="ExpiresAfter"/>.</summary>
    public bool KeepExpiry { get; init; }

    /// <summary>How long it may take, more than zero; null for the node's request timeout. Not for a part of a batch: the batch has one time, given to <see cref="Tenant.BatchAsync"/>.</summary>
    public TimeSpan? Timeout { get; init; }
}
