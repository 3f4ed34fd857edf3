namespace RaftKv.Consensus.Raft;

/// <summary>A change of configuration: more than one step, or a voter replaced, goes through a joint configuration that is left automatically.</summary>
/// <param name="Steps">Carried out in order, as one change.</param>
public sealed record ConfigurationChange(IReadOnlyList<(ConfigurationStep Step, ulong Node)> Steps);
