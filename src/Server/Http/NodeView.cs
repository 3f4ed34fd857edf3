using RaftKv.Hosting;

namespace RaftKv.Server.Http;

/// <summary>What the host's listeners tell of the node behind them.</summary>
/// <param name="Describe">The cluster as the node sees it.</param>
/// <param name="Readiness">Whether it should be sent requests, and why not.</param>
/// <param name="SkipEntry">Skips the entry that a group halted at; false if it is not that.</param>
internal sealed record NodeView(Func<ClusterDescription> Describe, Func<ReadinessDescription> Readiness, Func<uint, ulong, CancellationToken, Task<bool>> SkipEntry);
