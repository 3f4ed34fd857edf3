namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>One read of all accounts.</summary>
/// <param name="Process">Who read.</param>
/// <param name="Position">Where in the history the read was completed.</param>
/// <param name="Balances">The balance of each account.</param>
public readonly record struct BankRead(long Process, long Position, IReadOnlyDictionary<string, long> Balances);

/// <summary>Transfers move money and make none: every read of all accounts in one transaction sums to what there was at the beginning. Reports the first read that does not, and how many do not.</summary>
public static class BankChecker
{
    /// <summary>Judges the reads.</summary>
    /// <param name="reads">In any order.</param>
    /// <param name="accounts">All accounts.</param>
    /// <param name="total">What they hold together.</param>
    /// <param name="mayOverdraw">Whether a balance may be negative.</param>
    /// <returns>What is wrong, worst kind first; empty if nothing is.</returns>
    public static IReadOnlyList<Finding> Check(IEnumerable<BankRead> reads, IReadOnlyCollection<string> accounts, long total, bool mayOverdraw = false)
    {
        var ordered = reads.OrderBy(r => r.Position).ToList();
        var findings = new List<Finding>();
        Report("wrong accounts", r => r.Balances.Count != accounts.Count || !accounts.All(r.Balances.ContainsKey), r => $"it has {r.Balances.Count} accounts, there are {accounts.Count}");
        Report("wrong total", r => r.Balances.Values.Sum() != total, r => $"it sums to {r.Balances.Values.Sum()}, not {total}");
        if (!mayOverdraw)
            Report("overdrawn", r => r.Balances.Values.Any(b => b < 0), _ => "a balance is negative");
        return findings;

        void Report(string rule, Predicate<BankRead> isBad, Func<BankRead, string> why)
        {
            var bad = ordered.FindAll(isBad);
            if (bad.Count > 0)
                findings.Add(new Finding(rule, $"the read of process {bad[0].Process} at event {bad[0].Position}: {why(bad[0])}{Change(ordered, bad[0])}; {bad.Count} of {ordered.Count} reads are so"));
        }
    }

    private static string Change(List<BankRead> ordered, BankRead bad)
    {
        var before = ordered.IndexOf(bad) is var at and > 0 ? ordered[at - 1].Balances : null;
        return $" ({string.Join(", ", bad.Balances.OrderBy(b => b.Key, StringComparer.Ordinal).Select(b => before is not null && before.GetValueOrDefault(b.Key, b.Value) != b.Value ? $"{b.Key}: {before[b.Key]} -> {b.Value}" : $"{b.Key}: {b.Value}"))})";
    }
}
