namespace RaftKv.Consensus.Raft;

/// <summary>What a replica is at the moment.</summary>
public enum RaftRole
{
    /// <summary>A voter that follows, or waits for, a leader.</summary>
    Follower,

    /// <summary>A voter that asks whether an election would succeed, without disturbing anyone's term.</summary>
    PreCandidate,

    /// <summary>A voter that asks for votes in its term.</summary>
    Candidate,

    /// <summary>The leader of its term.</summary>
    Leader,

    /// <summary>Not a voter of the configuration it knows: it receives the log and never campaigns.</summary>
    Learner,
}
