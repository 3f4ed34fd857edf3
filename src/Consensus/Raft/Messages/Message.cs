namespace RaftKv.Consensus.Raft.Messages;

/// <summary>
/// A message of one group between two nodes. Sealed types, one meaning per field. Times are the sender's monotonic nanoseconds and only ever echoed, never compared across nodes.
/// </summary>
public abstract record Message
{
    /// <summary>The sending node.</summary>
    public required ulong From { get; init; }

    /// <summary>The node it is for.</summary>
    public required ulong To { get; init; }

    /// <summary>The sender's term (for a pre-vote: the term it would campaign in).</summary>
    public required ulong Term { get; init; }
}
