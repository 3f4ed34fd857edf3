using RaftKv.Hosting;

namespace RaftKv.Server;

/// <summary>What the host's listeners tell of the node behind them.</summary>
/// <param name="Describe">The cluster as the node sees it.</param>
/// <param name="IsReady">Whether it should be sent requests.</param>
/// <param name="SkipEntry">Skips the entry that a group halted at; false if it is not that.</param>
internal sealed record NodeView(Func<ClusterDescription> Describe, Func<bool> IsReady, Func<uint, ulong, CancellationToken, Task<bool>> SkipEntry);
