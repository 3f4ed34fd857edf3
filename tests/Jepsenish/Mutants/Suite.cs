namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>A command of this program that runs seeds one after the other up to the first failure. It takes <c>--seeds</c> and <c>--from</c>, says <see cref="Kill"/> and exits with 1 when one fails.</summary>
/// <param name="Name">Of the command.</param>
/// <param name="Options">What else it is given.</param>
/// <param name="Sees">The mutants of symbols that it can see at all.</param>
internal sealed record Suite(string Name, IReadOnlyList<string> Options, Func<Mutant, bool> Sees)
{
    /// <summary>Whether it has to notice a mutant: a patch says itself which suite does.</summary>
    public bool Tries(Mutant mutant) => mutant.Patch is { } patch ? patch.Suite.Name == Name : Sees(mutant);

    /// <summary>Whole nodes; on one thread, so that the number of seeds to a kill means something.</summary>
    public static Suite WholeNodes { get; } = new("sim", ["--stop-at-first", "--threads", "1"], _ => true);

    /// <summary>The Raft core alone: many more situations a second.</summary>
    public static Suite Core { get; } = new("core", [], mutant => mutant.IsIn("Consensus/Raft/"));

    /// <summary>The FASTER store alone, for which whole nodes have a twin.</summary>
    public static Suite Store { get; } = new("store", [], mutant => mutant.IsIn("Engine/Store/"));
}
