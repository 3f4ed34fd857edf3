namespace RaftKv.Engine.Wal;

/// <summary>What opening a log found.</summary>
public sealed class WalRecovery
{
    /// <summary>The groups whose log survived.</summary>
    public required IReadOnlyDictionary<uint, RecoveredGroup> Groups { get; init; }

    /// <summary>Damaged places; empty unless <see cref="WalOptions.RepairFromPeers"/> was set.</summary>
    public IReadOnlyList<WalDamage> Damage { get; init; } = [];

    /// <summary>Groups that certainly lost entries. With any damage at all, every other group is suspect as well: a lost batch does not say what it held.</summary>
    public IReadOnlyList<uint> CertainlyDamagedGroups { get; init; } = [];

    /// <summary>Sequence of the last batch that survived, 0 for an empty log.</summary>
    public ulong LastSequence { get; init; }

    /// <summary>Bytes from the cut to the end of what an incomplete last write left.</summary>
    public long TornBytes { get; init; }
}
