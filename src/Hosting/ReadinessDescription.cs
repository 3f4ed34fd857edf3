namespace RaftKv.Hosting;

/// <summary>Why a group is not served.</summary>
/// <param name="Id">The group.</param>
/// <param name="Reason">Half a sentence.</param>
public sealed record UnreadyGroup(uint Id, string Reason);

/// <summary>Whether a node serves linearizable reads and writes of every group that it has: what GET /readyz answers.</summary>
/// <param name="Node">The node.</param>
/// <param name="Ready">Whether it does.</param>
/// <param name="Reason">Why the node as a whole does not; null if it does, or if the groups say why.</param>
/// <param name="Groups">The groups that are not served, and why; empty if it is ready.</param>
public sealed record ReadinessDescription(string Node, bool Ready, string? Reason, IReadOnlyList<UnreadyGroup> Groups);
