namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>One mistake.</summary>
/// <param name="Number">1 to 35 as the reliability requirements count them, ours from 36.</param>
/// <param name="What">The mistake, in a few words.</param>
internal sealed record Mutant(int Number, string What)
{
    private const string Sources = "src/";

    /// <summary>One that is a patch.</summary>
    public Mutant(Patch patch)
        : this(patch.Number, patch.Mistake) => Patch = patch;

    /// <summary>What makes it; null where there is no code yet for it to be in, and for the program as it is.</summary>
    public Patch? Patch { get; }

    /// <summary>The projects to build again, by folder below <c>src</c>.</summary>
    public IEnumerable<string> Projects => Patch is null ? [] : Patch.Files.Select(f => f[Sources.Length..f.IndexOf('/', Sources.Length)]).Distinct();
}
