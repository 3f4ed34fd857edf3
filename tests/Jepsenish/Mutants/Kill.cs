using System.Globalization;
using System.Text.RegularExpressions;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>What a run of seeds says when one fails, in one line: <c>first failure: seed N after K seeds[: why]</c>.</summary>
internal sealed partial record Kill(ulong Seed, ulong Seeds, string By)
{
    /// <summary>Reads such a line; null if it is none.</summary>
    public static Kill? Parse(string line) =>
        Line().Match(line) is { Success: true } match
            ? new Kill(Number(match, "seed"), Number(match, "seeds"), match.Groups["by"].Value)
            : null;

    public override string ToString() => $"first failure: seed {Seed} after {Seeds} seeds{(By.Length > 0 ? ": " : "")}{By}";

    private static ulong Number(Match match, string name) => ulong.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^first failure: seed (?<seed>\d+) after (?<seeds>\d+) seeds?(?:: (?<by>.*))?$")]
    private static partial Regex Line();
}
