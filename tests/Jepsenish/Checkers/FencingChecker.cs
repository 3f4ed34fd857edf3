namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>A lock was granted to somebody.</summary>
/// <param name="Lock">Which lock.</param>
/// <param name="Process">To whom.</param>
/// <param name="Token">With which fencing token.</param>
/// <param name="Invoked">Position at which it was asked for.</param>
/// <param name="Completed">Position at which the grant was known.</param>
public readonly record struct LockGrant(string Lock, long Process, long Token, long Invoked, long Completed);

/// <summary>A store was asked to accept a write that carries a token.</summary>
/// <param name="Lock">Which lock protects it.</param>
/// <param name="Process">Who asked.</param>
/// <param name="Token">The token.</param>
/// <param name="Accepted">Whether it was accepted; null if the outcome is unknown.</param>
/// <param name="Invoked">Position of the invocation.</param>
/// <param name="Completed">Position of the answer; not looked at if the outcome is unknown.</param>
public readonly record struct FencedWrite(string Lock, long Process, long Token, bool? Accepted, long Invoked, long Completed);

/// <summary>
/// Fencing (Kleppmann, "How to do distributed locking", 2016): a lock's tokens strictly increase from a grant to every later one, no two grants share a token, and a store that has accepted a token
/// accepts no lower one from then on. Only what real time orders is judged.
/// </summary>
public static class FencingChecker
{
    /// <summary>Judges grants and writes, in any order.</summary>
    /// <returns>What is wrong: at most one finding of each rule for each grant or write.</returns>
    public static IReadOnlyList<Finding> Check(IEnumerable<LockGrant> grants, IEnumerable<FencedWrite> writes)
    {
        var findings = new List<Finding>();
        foreach (var of in grants.GroupBy(g => g.Lock).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            foreach (var same in of.GroupBy(g => g.Token).Where(g => g.Count() > 1))
                findings.Add(new Finding("token granted twice", $"lock {of.Key}: token {same.Key} was granted to the processes {string.Join(", ", same.Select(g => g.Process))}"));
            foreach (var (before, after) in HighestBefore([.. of], g => (g.Invoked, g.Completed, g.Token)))
            {
                if (after.Token < before.Token)
                    findings.Add(new Finding("token does not increase", $"lock {of.Key}: process {after.Process} asked at event {after.Invoked} and was granted {after.Token}, after process {before.Process} had been granted {before.Token} (event {before.Completed})"));
            }
        }
        foreach (var of in writes.Where(w => w.Accepted == true).GroupBy(w => w.Lock).OrderBy(w => w.Key, StringComparer.Ordinal))
        {
            foreach (var (before, after) in HighestBefore([.. of], w => (w.Invoked, w.Completed, w.Token)))
            {
                if (after.Token < before.Token)
                    findings.Add(new Finding("lower token accepted", $"lock {of.Key}: process {after.Process} wrote with {after.Token} (event {after.Invoked}), after {before.Token} of process {before.Process} had been accepted (event {before.Completed})"));
            }
        }
        return findings;
    }

    /// <summary>Each item with the one of the highest token that was completed before it was invoked.</summary>
    private static IEnumerable<(T Before, T After)> HighestBefore<T>(List<T> items, Func<T, (long Invoked, long Completed, long Token)> of)
        where T : struct
    {
        var completed = items.OrderBy(i => of(i).Completed).ToList();
        var next = 0;
        T? highest = null;
        foreach (var item in items.OrderBy(i => of(i).Invoked))
        {
            for (; next < completed.Count && of(completed[next]).Completed < of(item).Invoked; next++)
            {
                if (highest is null || of(completed[next]).Token > of(highest.Value).Token)
                    highest = completed[next];
            }
            if (highest is { } before)
                yield return (before, item);
        }
    }
}
