using RaftKv.Engine.Wal;

namespace RaftKv.Consensus.Raft;

/// <summary>What a core remembers across restarts, as recovered from log and store.</summary>
public sealed record RaftInitialState
{
    /// <summary>The current term as last persisted; 0 for a replica that never was part of an election.</summary>
    public ulong Term { get; init; }

    /// <summary>The node voted for in <see cref="Term"/>, 0 for none.</summary>
    public ulong Vote { get; init; }

    /// <summary>The log begins after this entry.</summary>
    public ulong StartIndex { get; init; }

    /// <summary>Term of the entry at <see cref="StartIndex"/>.</summary>
    public ulong StartTerm { get; init; }

    /// <summary>Last entry held; equal to <see cref="StartIndex"/> when the log is empty.</summary>
    public ulong LastIndex { get; init; }

    /// <summary>First index of each run of equal terms in (StartIndex, LastIndex], ascending.</summary>
    public IReadOnlyList<TermRun> Terms { get; init; } = [];

    /// <summary>What the state machine has already applied; at least StartIndex; known to be committed.</summary>
    public ulong AppliedIndex { get; init; }

    /// <summary>The configuration as of AppliedIndex.</summary>
    public required Configuration Configuration { get; init; }

    /// <summary>Configuration entries after AppliedIndex, in order: they take effect when appended.</summary>
    public IReadOnlyList<LogEntry> LaterConfigurations { get; init; } = [];

    /// <summary>Timestamp of the last entry, or state-machine time: new entries are stamped no lower.</summary>
    public long LastTimestamp { get; init; }
}
