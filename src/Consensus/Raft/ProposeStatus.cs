namespace RaftKv.Consensus.Raft;

/// <summary>What became of a proposal.</summary>
public enum ProposeStatus
{
    /// <summary>Appended; it may still be lost if leadership is.</summary>
    Accepted,

    /// <summary>Not leader: ask <see cref="RaftNode.Leader"/>.</summary>
    NotLeader,

    /// <summary>Leadership is being transferred.</summary>
    TransferInProgress,

    /// <summary>Too many uncommitted bytes.</summary>
    Overloaded,

    /// <summary>A configuration change is under way, or this one is not valid.</summary>
    ConfigurationRefused,
}
