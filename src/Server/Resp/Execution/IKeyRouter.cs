namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// Which group holds a key: the one place where RESP learns where a request goes. Thread-safe.
/// Invariant: the answer is a group that this node has; it never blocks and allocates nothing, since every request asks.
/// </summary>
internal interface IKeyRouter
{
    /// <summary>The group of requests that name no key.</summary>
    uint DefaultGroup { get; }

    /// <summary>The group that holds a key. A request that names several goes by its first.</summary>
    uint Route(ReadOnlySpan<byte> key);
}
