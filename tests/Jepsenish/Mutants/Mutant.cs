namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>One mistake: built in by its symbol in the production code, or by a patch of it.</summary>
/// <param name="Number">1 to 35 as the reliability requirements count them, ours from 36.</param>
/// <param name="What">The mistake, in a few words.</param>
/// <param name="Files">Where it is, below <c>src</c>; none for a feature that is not built yet.</param>
internal sealed record Mutant(int Number, string What, params string[] Files)
{
    private const string Sources = "src/";

    /// <summary>One that is a patch.</summary>
    public Mutant(Patch patch)
        : this(patch.Number, patch.Mistake, [.. patch.Files.Select(f => f[Sources.Length..])]) => Patch = patch;

    /// <summary>What makes it; null where that is a symbol.</summary>
    public Patch? Patch { get; }

    /// <summary>The preprocessor symbol that builds it in, where it is no patch.</summary>
    public string Symbol => $"MUTANT_{Number:00}";

    /// <summary>Whether there is code for it to be in.</summary>
    public bool IsBuilt => Files.Length > 0;

    /// <summary>Whether a file of it is in a folder below <c>src</c>.</summary>
    public bool IsIn(string folder) => Files.Any(f => f.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>The projects to build again, by folder below <c>src</c>.</summary>
    public IEnumerable<string> Projects => Files.Select(f => f[..f.IndexOf('/', StringComparison.Ordinal)]).Distinct();
}
