namespace RaftKv.Consensus.Raft;

/// <summary>One step of a change of configuration.</summary>
public enum ConfigurationStep { AddVoter, AddLearner, Remove }

/// <summary>A change of configuration: more than one step, or a voter replaced, goes through a joint configuration that is left automatically.</summary>
public sealed record ConfigurationChange(IReadOnlyList<(ConfigurationStep Step, ulong Node)> Steps);
