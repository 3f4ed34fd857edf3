namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>Which cycles of dependencies a model forbids, after Adya ("Weak consistency", 1999); each forbids what the one before does.</summary>
public enum CycleLevel
{
    /// <summary>G0: of writes that overwrite writes.</summary>
    Writes,

    /// <summary>G1c: of those and of reads of writes.</summary>
    Reads,

    /// <summary>G-single, G-nonadjacent: those in which no two anti-dependencies meet (Cerone and Gotsman, 2018).</summary>
    Snapshots,

    /// <summary>G2: all.</summary>
    All,
}

/// <summary>Which orders a model demands besides that of dependencies; each contains the one before.</summary>
public enum RequiredOrder
{
    /// <summary>None.</summary>
    None,

    /// <summary>What one process did before, happened before.</summary>
    Process,

    /// <summary>What was completed before something else was invoked, happened before.</summary>
    RealTime,
}

/// <summary>A consistency model, as what it forbids.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Cycles">Which cycles it forbids.</param>
/// <param name="Order">Which orders count as edges of a cycle.</param>
public sealed record IsolationModel(string Name, CycleLevel Cycles, RequiredOrder Order)
{
    /// <summary>No dirty writes.</summary>
    public static IsolationModel ReadUncommitted { get; } = new("read-uncommitted", CycleLevel.Writes, RequiredOrder.None);

    /// <summary>Nothing is read but what committed.</summary>
    public static IsolationModel ReadCommitted { get; } = new("read-committed", CycleLevel.Reads, RequiredOrder.None);

    /// <summary>Every transaction reads one snapshot, and of two concurrent writers of a key one aborts.</summary>
    public static IsolationModel SnapshotIsolation { get; } = new("snapshot-isolation", CycleLevel.Snapshots, RequiredOrder.None);

    /// <summary>Transactional causal consistency (Biswas and Enea, 2019). Decided for registers only.</summary>
    public static IsolationModel Causal { get; } = new("causal", CycleLevel.Reads, RequiredOrder.Process);

    /// <summary>Some order of all explains everything.</summary>
    public static IsolationModel Serializable { get; } = new("serializable", CycleLevel.All, RequiredOrder.None);

    /// <summary>An order that agrees with that of every process.</summary>
    public static IsolationModel SessionSerializable { get; } = new("session-serializable", CycleLevel.All, RequiredOrder.Process);

    /// <summary>Snapshots that contain whatever had been acknowledged.</summary>
    public static IsolationModel StrongSnapshotIsolation { get; } = new("strong-snapshot-isolation", CycleLevel.Snapshots, RequiredOrder.RealTime);

    /// <summary>An order that agrees with real time.</summary>
    public static IsolationModel StrictSerializable { get; } = new("strict-serializable", CycleLevel.All, RequiredOrder.RealTime);

    /// <summary>Those that histories of lists are held against, each no weaker in its cycles than the one before.</summary>
    public static IReadOnlyList<IsolationModel> Known { get; } =
        [ReadUncommitted, ReadCommitted, SnapshotIsolation, Serializable, SessionSerializable, StrongSnapshotIsolation, StrictSerializable];

    /// <summary>Whether it forbids what a model with these bounds forbids.</summary>
    public bool Forbids(CycleLevel cycles, RequiredOrder order) => cycles <= Cycles && order <= Order;
}
