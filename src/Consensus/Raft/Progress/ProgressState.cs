namespace RaftKv.Consensus.Raft;

/// <summary>How a leader sends to a follower.</summary>
internal enum ProgressState
{
    /// <summary>Where the logs match is not known: one message at a time.</summary>
    Probe,

    /// <summary>It is known: messages are pipelined, each sent as if those before it had arrived.</summary>
    Replicate,

    /// <summary>What the follower needs is compacted away: an image is on its way, no entries are sent.</summary>
    Snapshot,
}
