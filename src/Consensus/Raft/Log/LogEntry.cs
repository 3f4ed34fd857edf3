namespace RaftKv.Consensus.Raft;

/// <summary>What an entry is for. Persisted: numbers are never changed.</summary>
public enum EntryKind : byte
{
    /// <summary>A command for the state machine.</summary>
    Command = 0,

    /// <summary>The no-op with which a leader begins its term.</summary>
    NoOp = 1,

    /// <summary>A configuration of the group.</summary>
    Configuration = 2,
}

/// <summary>One entry of a group's log.</summary>
/// <param name="Index">Position, from 1.</param>
/// <param name="Term">Term of the leader that made it.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Timestamp">The leader's clock when it made it: milliseconds since the Unix epoch, never below the entry before it.</param>
/// <param name="Payload">Its content; the owner of the list it came in says how long it is valid.</param>
public readonly record struct LogEntry(ulong Index, ulong Term, EntryKind Kind, long Timestamp, ReadOnlyMemory<byte> Payload);
