namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>A committed change of a key; a deletion has no value.</summary>
public readonly record struct WatchedChange(long Revision, string Key, string? Value);

/// <summary>What a watcher received: a change; or, with <paramref name="CompactedUpTo"/>, that all changes up to that revision are gone for it.</summary>
public readonly record struct WatchEvent(WatchedChange Change, long? CompactedUpTo = null)
{
    /// <summary>An explicit gap.</summary>
    public static WatchEvent Compacted(long upTo) => new(default, upTo);
}

/// <summary>
/// What one watcher received, in order: changes by increasing revision (several keys may share one, a key may not twice), each as it was committed, and every committed change of its range from its
/// first revision on, unless an explicit compaction covers it. Changes after the last one received may be under way still, unless the watch is known to have caught up.
/// </summary>
public static class WatchChecker
{
    /// <summary>Judges one watcher.</summary>
    /// <param name="received">What it received, in the order in which it did.</param>
    /// <param name="committed">All that was committed, in any order.</param>
    /// <param name="isWatched">Whether a key is in the watched range.</param>
    /// <param name="from">The first revision it asked for.</param>
    /// <param name="caughtUpTo">The revision up to which it must have received everything, if the end of the run says so.</param>
    public static IReadOnlyList<Finding> Check(IReadOnlyList<WatchEvent> received, IEnumerable<WatchedChange> committed, Predicate<string> isWatched, long from, long caughtUpTo = 0)
    {
        var expected = committed.Where(c => c.Revision >= from && isWatched(c.Key)).ToDictionary(c => (c.Revision, c.Key));
        var findings = new List<Finding>();
        var seen = new HashSet<(long, string)>();
        var compacted = new List<(long After, long UpTo)>();
        var last = from - 1;
        foreach (var item in received)
        {
            if (item.CompactedUpTo is { } upTo)
            {
                compacted.Add((last, upTo));
                last = Math.Max(last, upTo);
                continue;
            }
            var change = item.Change;
            if (!seen.Add((change.Revision, change.Key)))
                findings.Add(new Finding("repeated", $"{Name(change)} was received twice"));
            else if (change.Revision < last)
                findings.Add(new Finding("out of order", $"{Name(change)} was received after revision {last}"));
            if (!expected.TryGetValue((change.Revision, change.Key), out var real))
                findings.Add(new Finding("made up", $"{Name(change)} was received, and is no committed change of the range"));
            else if (real.Value != change.Value)
                findings.Add(new Finding("wrong value", $"{Name(change)} was received, committed was {real.Value ?? "a deletion"}"));
            last = Math.Max(last, change.Revision);
        }
        // All changes of one revision come together: those of the last one received are due as well.
        var due = Math.Max(last, caughtUpTo);
        foreach (var missing in expected.Values.Where(c => c.Revision <= due && !seen.Contains((c.Revision, c.Key)) && !compacted.Exists(g => c.Revision > g.After && c.Revision <= g.UpTo)).OrderBy(c => c.Revision))
            findings.Add(new Finding("gap", $"{Name(missing)} was never received, and what came later was, or was due"));
        return findings;
    }

    private static string Name(WatchedChange change) => $"revision {change.Revision}, key {change.Key} = {change.Value ?? "deleted"}";
}
