using System.Globalization;
using System.Text.Json.Serialization;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>What became of a mutant.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Fate>))]
internal enum Fate
{
    /// <summary>A seed failed because of it.</summary>
    Killed,

    /// <summary>Every seed passed: a test is missing.</summary>
    Survived,

    /// <summary>The time ran out before a seed failed.</summary>
    OutOfTime,

    /// <summary>It ended in a way that says nothing: the build or the program broke.</summary>
    Broken,

    /// <summary>Its feature does not exist yet.</summary>
    NotBuilt,
}

/// <summary>A mutant, and what became of it.</summary>
/// <param name="Number">Which; 0 is the program as it is, which has to survive.</param>
/// <param name="What">The mistake.</param>
/// <param name="Fate">What became of it.</param>
/// <param name="By">What noticed it, or why nothing can be said.</param>
/// <param name="Seed">The seed that failed.</param>
/// <param name="Seeds">How many it took.</param>
/// <param name="Seconds">How long it ran, without the build.</param>
internal sealed record Outcome(int Number, string What, Fate Fate, string By, ulong? Seed, ulong? Seeds, double Seconds)
{
    /// <summary>Whether it is as it should be.</summary>
    public bool IsGood => Number == 0 ? Fate is Fate.Survived or Fate.OutOfTime : Fate is Fate.Killed or Fate.NotBuilt;

    /// <summary>In one line, as a progress message.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number} {What}: {Fate}{(Seeds is { } seeds ? $" after {seeds} seeds" : "")} in {Seconds:F0} s{(By.Length > 0 ? $", by {By.ReplaceLineEndings(" ")}" : "")}");
}
