using System.Reflection;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;

namespace RaftKv.Hosting.Node;

/// <summary>What a node as a whole has to say.</summary>
internal static partial class NodeLog
{
    private static readonly string Version = typeof(NodeLog).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "?";

    /// <summary>Version and settings, before anything is touched.</summary>
    public static void Starting(ILogger logger, RaftKvOptions o) => Starting(
        logger,
        Version,
        o.NodeName,
        o.DataDirectory,
        string.Join(", ", o.Members.Select(m => $"{m.Name}={m.Address}")),
        o.ListenAddress ?? o.Members.Single(m => m.Name == o.NodeName).Address,
        $"{(o.ClusterName is null ? "" : $"cluster {o.ClusterName}, ")}{(o.Groups == 0 ? "as many groups as founded with" : $"{o.Groups} groups")}, election timeout {o.ElectionTimeout.TotalMilliseconds} ms, heartbeat {o.HeartbeatInterval.TotalMilliseconds} ms, lease {o.LeaderLeaseDuration.TotalMilliseconds} ms, request timeout "
        + $"{o.RequestTimeout.TotalMilliseconds} ms, keys to {o.MaxKeyBytes} bytes, values to {o.MaxValueBytes} bytes, store memory {o.StoreMemoryBytes >> 20} MiB per shard, log segments {o.LogSegmentBytes >> 20} MiB, "
        + $"a checkpoint each {o.CheckpointBytes >> 20} MiB");

    [LoggerMessage(1, LogLevel.Information, "RaftKv {version} starts node {node} in {directory}: members {members}; listens on {listen}; {settings}")]
    private static partial void Starting(ILogger logger, string version, string node, string directory, string members, string listen, string settings);

    [LoggerMessage(2, LogLevel.Information, "node {node} runs after {milliseconds} ms: {recovered}")]
    public static partial void Started(ILogger logger, string node, long milliseconds, string recovered);

    [LoggerMessage(3, LogLevel.Information, "node {node} is ready: it serves all its groups")]
    public static partial void Ready(ILogger logger, string node);

    /// <summary>Why the node is not ready, and to whom it has no connection.</summary>
    public static void NotReady(ILogger logger, ReadinessDescription readiness, ClusterDescription cluster)
    {
        var reasons = readiness.Groups.GroupBy(g => g.Reason).Select(g => $"{GroupNames.Of(g.Select(x => x.Id))}: {g.Key}").Prepend(readiness.Reason).Where(r => r is not null);
        var away = cluster.Nodes.Where(n => !n.Alive).Select(n => $"{n.Id} ({n.Address})").ToList();
        NotReady(logger, readiness.Node, string.Join("; ", reasons) + (away.Count == 0 ? "" : $"; no connection to {string.Join(", ", away)}"));
    }

    [LoggerMessage(4, LogLevel.Warning, "node {node} is not ready: {reason}")]
    private static partial void NotReady(ILogger logger, string node, string reason);

    [LoggerMessage(5, LogLevel.Information, "node {node} stopped in {milliseconds} ms: {how}")]
    public static partial void Stopped(ILogger logger, string node, long milliseconds, string how);

    [LoggerMessage(6, LogLevel.Information, "node {node} stops: its leaderships are transferred")]
    public static partial void Stopping(ILogger logger, string node);
}
