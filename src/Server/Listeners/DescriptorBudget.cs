using RaftKv.Engine.Io;

namespace RaftKv.Server.Listeners;

/// <summary>
/// Shares out the file descriptors that the process may open, so that no number of connections can take those that log, store and peers need: what a client can exhaust, a client will.
/// </summary>
/// <param name="Limit">What the process may open (RLIMIT_NOFILE).</param>
/// <param name="Nodes">Nodes in the process.</param>
internal sealed record DescriptorBudget(long Limit, int Nodes)
{
    /// <summary>Redis' own default.</summary>
    private const int MostClients = 10_000;

    private const int MostHttpConnections = 512;

    /// <summary>The runtime's own: it keeps every assembly open, some 130 of them, and cannot load another when no descriptor is left; and connections that are being refused.</summary>
    private const int OfRuntime = 224;

    /// <summary>
    /// Segments of the log (one per 64 MiB of what groups keep and of what is not yet in a checkpoint), files of the stores, connections of peers, and strangers at the peers' port
    /// (<see cref="Consensus.Transport.TransportOptions.MaxPendingHandshakes"/>).
    /// </summary>
    private const int OfNode = 96;

    /// <summary>The process's own limit; far more than enough where there is none.</summary>
    public static DescriptorBudget OfProcess(int nodes = 1) => new(ProcessLimits.MaxOpenFiles ?? int.MaxValue, nodes);

    /// <summary>What connections of clients may not take.</summary>
    public long Reserve => OfRuntime + (OfNode * Nodes);

    /// <summary>Whether so little is left that an operator should raise the limit.</summary>
    public bool IsTight => Limit < Reserve + 128;

    /// <summary>HTTP connections at once.</summary>
    public int MaxHttpConnections => (int)Math.Clamp((Limit - Reserve) / 8, 4, MostHttpConnections);

    /// <summary>RESP connections at once.</summary>
    public int MaxClients => (int)Math.Clamp(Limit - Reserve - MaxHttpConnections, 8, MostClients);
}
