namespace RaftKv.Tests.Jepsenish.Simulation.Faults;

/// <summary>A fault, when it happens and to whom. Everything else about it follows from its own seed, so that leaving another one out does not change it.</summary>
/// <param name="At">Nanoseconds since the run began.</param>
/// <param name="Kind">What.</param>
/// <param name="Node">Number of the node; 0 for the node that leads group <paramref name="Group"/> at the time.</param>
/// <param name="Group">The group it is about, or by whose leader the node is found.</param>
/// <param name="For">How long it lasts, nanoseconds.</param>
/// <param name="Seed">Source of whatever else has to be decided.</param>
internal sealed record PlannedFault(long At, FaultKind Kind, ulong Node, uint Group, long For, ulong Seed)
{
    /// <summary>Whether it may take from a node, for good, what it has promised: no more than a minority may suffer such.</summary>
    public bool DamagesForGood => Kind is FaultKind.BitRot or FaultKind.MisdirectedWrite or FaultKind.LostLog or FaultKind.Wipe;
}
