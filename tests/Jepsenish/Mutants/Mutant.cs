namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>One wrong line in the production code, built in only when its symbol is defined.</summary>
/// <param name="Number">1 to 35 as the reliability requirements count them, ours from 36.</param>
/// <param name="What">The mistake, in a few words.</param>
/// <param name="Files">Where it is, below <c>src</c>; none for a feature that is not built yet.</param>
internal sealed record Mutant(int Number, string What, params string[] Files)
{
    /// <summary>The preprocessor symbol that builds it in.</summary>
    public string Symbol => $"MUTANT_{Number:00}";

    /// <summary>Whether there is code for it to be in.</summary>
    public bool IsBuilt => Files.Length > 0;

    /// <summary>Whether a file of it is in a folder below <c>src</c>.</summary>
    public bool IsIn(string folder) => Files.Any(f => f.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>The projects to build again, by folder below <c>src</c>.</summary>
    public IEnumerable<string> Projects => Files.Select(f => f[..f.IndexOf('/', StringComparison.Ordinal)]).Distinct();
}
