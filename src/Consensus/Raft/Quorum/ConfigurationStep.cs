namespace RaftKv.Consensus.Raft;

/// <summary>What one step of a change of configuration does with its node.</summary>
public enum ConfigurationStep
{
    /// <summary>Makes it a voter, whatever it was.</summary>
    AddVoter,

    /// <summary>Makes it a learner, whatever it was.</summary>
    AddLearner,

    /// <summary>Removes it; nothing happens if it is no member.</summary>
    Remove,
}
