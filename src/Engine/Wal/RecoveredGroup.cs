namespace RaftKv.Engine.Wal;

/// <summary>What survived of one group's log.</summary>
/// <remarks>Invariant: entries (StartIndex, LastIndex] are readable, their terms given by <see cref="Terms"/>.</remarks>
public sealed class RecoveredGroup
{
    /// <summary>The group.</summary>
    public required uint Group { get; init; }

    /// <summary>Raft's current term as last persisted.</summary>
    public ulong Term { get; init; }

    /// <summary>The node voted for in <see cref="Term"/>, 0 for none.</summary>
    public ulong Vote { get; init; }

    /// <summary>Entries up to and including this one are covered by the store; the log begins after it.</summary>
    public ulong StartIndex { get; init; }

    /// <summary>Term of the entry at <see cref="StartIndex"/>.</summary>
    public ulong StartTerm { get; init; }

    /// <summary>Last entry held; equal to <see cref="StartIndex"/> when the log is empty.</summary>
    public ulong LastIndex { get; init; }

    /// <summary>First index of each run of equal terms, ascending.</summary>
    public IReadOnlyList<TermRun> Terms { get; init; } = [];

    /// <summary>Indices of the entries whose kind byte is not 0 (configuration changes and the like), ascending.</summary>
    public IReadOnlyList<ulong> SpecialIndexes { get; init; } = [];
}
