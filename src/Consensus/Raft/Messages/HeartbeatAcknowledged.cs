namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to a heartbeat.</summary>
public sealed record HeartbeatAcknowledged : Message
{
    public required long SentAtEcho { get; init; }
    public ulong ReadRound { get; init; }

    /// <summary>Whether the follower has quiesced as asked.</summary>
    public bool Quiesced { get; init; }
}
