namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>Why one transaction comes before another.</summary>
internal enum DependencyKind
{
    /// <summary>ww: it wrote what the other overwrote.</summary>
    WriteWrite,

    /// <summary>wr: it wrote what the other read.</summary>
    WriteRead,

    /// <summary>rw, the anti-dependency: it did not see what the other wrote.</summary>
    ReadWrite,

    /// <summary>The same process did it before.</summary>
    Process,

    /// <summary>It was completed before the other was invoked.</summary>
    RealTime,

    /// <summary>The second half of an anti-dependency that goes through a node of no transaction: many readers and many writers then have as many edges as they are, not their product.</summary>
    Join,
}

/// <summary>One transaction comes before another.</summary>
/// <param name="From">The one that comes before.</param>
/// <param name="To">The other.</param>
/// <param name="Kind">Why.</param>
/// <param name="Key">The key that shows it, if it is one.</param>
/// <param name="Value">What the writer of the two wrote there; of two writers, the later.</param>
internal readonly record struct Dependency(int From, int To, DependencyKind Kind, string Key = "", string? Value = null)
{
    /// <summary>Whether a model that demands this order counts the edge.</summary>
    public bool IsIn(RequiredOrder order) => Kind switch
    {
        DependencyKind.Process => order >= RequiredOrder.Process,
        DependencyKind.RealTime => order >= RequiredOrder.RealTime,
        _ => true,
    };

    /// <summary>Whether it can be part of a cycle of this level.</summary>
    public bool IsIn(CycleLevel level) => Kind switch
    {
        DependencyKind.WriteRead => level >= CycleLevel.Reads,
        DependencyKind.ReadWrite or DependencyKind.Join => level >= CycleLevel.Snapshots,
        _ => true,
    };
}
