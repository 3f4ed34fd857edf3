namespace RaftKv.Consensus.Raft;

/// <summary>What became of a request for a read index.</summary>
public enum ReadIndexStatus
{
    /// <summary>A <see cref="ReadState"/> will follow, unless leadership is lost or a message goes missing: callers retry after a while.</summary>
    Pending,

    /// <summary>No leader is known, or it has not committed in its term yet.</summary>
    NotReady,
}
