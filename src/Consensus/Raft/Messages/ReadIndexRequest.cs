namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Follower to leader: which index must a linearizable read wait for?</summary>
public sealed record ReadIndexRequest : Message
{
    public required ulong Context { get; init; }
}
