namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Answer to a vote request; leaves only after the vote is durable.</summary>
public sealed record VoteResponse : Message
{
    /// <summary>Yes or no.</summary>
    public required bool Granted { get; init; }

    /// <summary>The time of the log that the voter has kept, milliseconds since the Unix epoch, when it answered; 0 if it knows none.</summary>
    public long LogTime { get; init; }

    /// <summary>The term of the leader that it has it from, or that it was; 0 if it knows none.</summary>
    public ulong LogTimeTerm { get; init; }
}
