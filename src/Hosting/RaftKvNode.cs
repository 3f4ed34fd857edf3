using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;

namespace RaftKv.Hosting;

/// <summary>A running node of a cluster, in this process. Thread-safe.</summary>
public sealed class RaftKvNode : IAsyncDisposable
{
    /// <summary>Opens the data directory, recovers, starts to listen and joins its peers. Returns when the node takes requests, not when the cluster has leaders.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="RaftKvStartException">The data directory is foreign, damaged or in use, or the port is taken: one sentence says which.</exception>
    public static Task<RaftKvNode> StartAsync(RaftKvOptions options, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>This node's name.</summary>
    public string Name => throw new NotImplementedException();

    /// <summary>The options it runs with.</summary>
    public RaftKvOptions Options => throw new NotImplementedException();

    /// <summary>The group that holds the default tenant's keys.</summary>
    public uint DefaultGroup { get; } = 1;

    /// <summary>The way in for those who speak commands.</summary>
    public IOperationExecutor Executor => throw new NotImplementedException();

    /// <summary>The cluster as this node sees it now.</summary>
    public ClusterDescription Describe() => throw new NotImplementedException();

    /// <summary>Whether every group has a leader that this node knows, and this node has caught up with what it knew to be committed.</summary>
    public bool IsReady => throw new NotImplementedException();

    /// <summary>Completes, with the reason, when the node had to stop by itself (a failed disk, a broken invariant, an identity refused by its peers). Until then it runs.</summary>
    public Task<string> Failure => throw new NotImplementedException();

    /// <summary>Hands leaderships over, completes what is under way, closes the files.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <summary>A node could not start; the message is one sentence for its operator.</summary>
public sealed class RaftKvStartException(string message, Exception? inner = null) : Exception(message, inner);
