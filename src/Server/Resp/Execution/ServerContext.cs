using System.Reflection;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Hosting;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>What all connections of a server share and commands may ask: the way into the node, which group holds a key, limits, clock. Immutable, and what it refers to is thread-safe.</summary>
/// <param name="executor">The way into the node.</param>
/// <param name="router">Which group holds a key.</param>
/// <param name="describe">The cluster as the node sees it.</param>
/// <param name="logger">Where to tell what happens.</param>
internal sealed class ServerContext(IOperationExecutor executor, IKeyRouter router, Func<ClusterDescription> describe, ILogger logger)
{
    /// <summary>The way into the node.</summary>
    public IOperationExecutor Executor => executor;

    /// <summary>Which group holds a key.</summary>
    public IKeyRouter Router => router;

    /// <summary>The cluster as the node sees it.</summary>
    public Func<ClusterDescription> Describe => describe;

    /// <summary>Where to tell what happens.</summary>
    public ILogger Logger => logger;

    /// <summary>What one connection may ask for.</summary>
    public RespLimits Limits { get; init; } = new();

    /// <summary>The wall clock, which TIME tells, and the monotonic one by which commands may take too long to arrive. It decides nothing else.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The node's name.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>How long an operation may take.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc cref="RequestTimeout"/>
    public long RequestTimeoutNanoseconds => RequestTimeout.Ticks * 100;

    /// <summary>The version of this program.</summary>
    public string Version { get; } = typeof(ServerContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    /// <summary>When the server was made.</summary>
    public DateTimeOffset StartedAt { get; } = DateTimeOffset.UtcNow;

    /// <summary>Where SCANs stand.</summary>
    public ScanCursors Cursors { get; } = new((ulong)Random.Shared.NextInt64(1, uint.MaxValue));

    /// <summary>What is said when an HTTP request comes in.</summary>
    public HttpWarning HttpWarning { get; } = new(logger);
}
