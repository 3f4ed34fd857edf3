namespace RaftKv.Consensus.Groups.Node;

/// <summary>A group that a node does not serve at the moment.</summary>
/// <param name="Group">The group's number.</param>
/// <param name="Reason">Why, in half a sentence.</param>
public sealed record GroupReadiness(uint Group, string Reason);
