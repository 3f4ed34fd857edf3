using RaftKv.Tests.Jepsenish.Checkers.Transactions;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>An append of a token that no other append has.</summary>
/// <param name="Process">Who appended; it does one thing at a time.</param>
/// <param name="Token">What was appended.</param>
/// <param name="Outcome">Committed for acknowledged, aborted for certainly refused.</param>
/// <param name="Invoked">Position of the invocation in the history.</param>
/// <param name="Completed">Position of the acknowledgement; not looked at for the others.</param>
public readonly record struct TokenAppend(long Process, string Token, Outcome Outcome, long Invoked, long Completed);

/// <summary>
/// Exactly once: the final value has every acknowledged token once, no refused one, any other at most once, and nothing that nobody appended; and an append that was acknowledged before another was
/// invoked stands before it, which contains the order of each process.
/// </summary>
public static class TokenChecker
{
    /// <summary>Judges the appends to one value.</summary>
    /// <param name="appends">All, in any order.</param>
    /// <param name="final">The tokens of the value, read after all appends had ended.</param>
    /// <returns>What is wrong: one finding for each token, at most one for the order of each.</returns>
    /// <exception cref="ArgumentException">A token is appended twice by the clients themselves.</exception>
    public static IReadOnlyList<Finding> Check(IReadOnlyCollection<TokenAppend> appends, IReadOnlyList<string> final)
    {
        var byToken = appends.ToDictionary(a => a.Token);
        var counts = final.GroupBy(t => t).ToDictionary(g => g.Key, g => g.Count());
        var findings = new List<Finding>();
        foreach (var append in appends.OrderBy(a => a.Invoked))
        {
            var count = counts.GetValueOrDefault(append.Token);
            if (append.Outcome == Outcome.Committed && count == 0)
                findings.Add(new Finding("lost", $"{Name(append)} was acknowledged at event {append.Completed} and is not there"));
            if (append.Outcome == Outcome.Aborted && count > 0)
                findings.Add(new Finding("refused and done", $"{Name(append)} was refused at event {append.Completed} and is there"));
            if (count > 1)
                findings.Add(new Finding("repeated", $"{Name(append)} is there {count} times"));
        }
        foreach (var token in counts.Keys.Where(t => !byToken.ContainsKey(t)))
            findings.Add(new Finding("made up", $"{token} is there, and nobody appended it"));
        findings.AddRange(Order(byToken, final));
        return findings;
    }

    // From the end on: nothing behind a token may have been acknowledged before it was invoked.
    private static IEnumerable<Finding> Order(Dictionary<string, TokenAppend> appends, IReadOnlyList<string> final)
    {
        TokenAppend? earliest = null;
        for (var i = final.Count - 1; i >= 0; i--)
        {
            if (!appends.TryGetValue(final[i], out var append))
                continue;
            if (earliest is { } behind && behind.Token != append.Token && behind.Completed < append.Invoked)
                yield return new Finding("out of order", $"{Name(append)} stands before {Name(behind)}, which was acknowledged at event {behind.Completed}, before the former was invoked");
            if (append.Outcome == Outcome.Committed && (earliest is null || append.Completed < earliest.Value.Completed))
                earliest = append;
        }
    }

    private static string Name(TokenAppend append) => $"{append.Token} of process {append.Process} (event {append.Invoked})";
}
