namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to a heartbeat.</summary>
public sealed record HeartbeatAcknowledged : Message
{
    /// <summary>SentAt of the message that is answered; <see cref="long.MinValue"/> when the answer promises nothing.</summary>
    public required long SentAtEcho { get; init; }

    /// <summary>Read-index round that an answer confirms; 0 for none.</summary>
    public ulong ReadRound { get; init; }

    /// <summary>Whether the follower has quiesced as asked.</summary>
    public bool Quiesced { get; init; }

    /// <summary>Whether the follower would lead: its disks take writes, it is not stopping, nothing of this group is in the way.</summary>
    public bool AcceptsLeadership { get; init; }
}
