namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>A command of this program that runs seeds one after the other up to the first failure. It takes <c>--seeds</c> and <c>--from</c>, says <see cref="Kill"/> and exits with 1 when one fails.</summary>
/// <param name="Name">Of the command.</param>
/// <param name="Options">What else it is given.</param>
internal sealed record Suite(string Name, params IReadOnlyList<string> Options)
{
    /// <summary>Whole nodes; on one thread, so that the number of seeds to a kill means something.</summary>
    public static Suite WholeNodes { get; } = new("sim", "--stop-at-first", "--threads", "1");

    /// <summary>The Raft core alone: many more situations a second.</summary>
    public static Suite Core { get; } = new("core");

    /// <summary>The FASTER store alone, for which whole nodes have a twin.</summary>
    public static Suite Store { get; } = new("store");

    /// <summary>Whether it is one of those that may notice a mutant: its patch says which do.</summary>
    public bool Tries(Mutant mutant) => mutant.Patch?.Suite.Includes(Name) == true;
}
