namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>Every mutant there is. Each is a patch, so that nothing in the sources knows of it; <c>PatchTests</c> holds them against the sources.</summary>
internal static class Catalogue
{
    /// <summary>Those of features to come: numbers that the reliability requirements have given.</summary>
    public static IReadOnlyList<Mutant> Planned { get; } =
    [
        new(27, "fencing token from a clock"),
        new(28, "old leader revokes leases"),
        new(29, "watcher skips when its buffer is full"),
        new(30, "abort presumed without a durable decision"),
        new(31, "prepared keys lost on a leader change"),
        new(32, "pooled buffer shared across tenants"),
    ];

    /// <summary>All of them, by number.</summary>
    /// <exception cref="InvalidDataException">A patch is not of the form that patches have.</exception>
    public static IReadOnlyList<Mutant> All => [.. Planned.Concat(PatchFile.ReadAll(PatchFile.Folder).Select(p => new Mutant(p))).OrderBy(m => m.Number)];
}
