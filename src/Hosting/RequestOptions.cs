namespace RaftKv.Hosting;

/// <summary>Options of an operation that writes no value. The default takes the node's request timeout.</summary>
public readonly record struct RequestOptions
{
    /// <summary>How long it may take, more than zero; null for the node's request timeout.</summary>
    public TimeSpan? Timeout { get; init; }
}
