namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// A write of a key with a time to live, alone on its key until it has expired: what it wrote was put between <paramref name="Invoked"/> and <paramref name="Completed"/>, and lives for
/// <paramref name="TimeToLive"/> from then on, by the servers' clocks. Times in nanoseconds of the clock of the run.
/// </summary>
/// <param name="Key">The key.</param>
/// <param name="Value">What was written.</param>
/// <param name="TimeToLive">How long it lives; null for ever.</param>
/// <param name="Invoked">When it was asked for.</param>
/// <param name="Completed">When it was acknowledged.</param>
public readonly record struct ExpiringWrite(string Key, string Value, long? TimeToLive, long Invoked, long Completed);

/// <summary>A read of a key: null for absent.</summary>
public readonly record struct ExpiringRead(string Key, string? Value, long Invoked, long Completed);

/// <summary>What is known of the servers' clocks.</summary>
/// <param name="Drift">The largest share by which a clock runs fast or slow: 0.01 for one per cent.</param>
/// <param name="Slack">Further nanoseconds by which a key may live longer or shorter, such as the resolution of expiry.</param>
public readonly record struct ClockBounds(double Drift, long Slack);

/// <summary>
/// A key is there until its earliest possible expiry (asked for at once, and a fast clock) and is gone after its latest (acknowledged at the last moment, and a slow one). In between both is right.
/// A write is judged by reads that lie between it and the next write of its key.
/// Invariant: only acknowledged writes are given, and no two of a key overlap; a key written with unknown outcome must be left out from there on.
/// </summary>
public static class ExpiryChecker
{
    /// <summary>Judges the reads, in any order.</summary>
    public static IReadOnlyList<Finding> Check(IEnumerable<ExpiringWrite> writes, IEnumerable<ExpiringRead> reads, ClockBounds clocks)
    {
        var findings = new List<Finding>();
        var byKey = writes.GroupBy(w => w.Key).ToDictionary(g => g.Key, g => g.OrderBy(w => w.Invoked).ToList());
        foreach (var read in reads.OrderBy(r => r.Invoked))
        {
            if (!byKey.TryGetValue(read.Key, out var ofKey))
                continue;
            var at = ofKey.FindLastIndex(w => w.Completed < read.Invoked);
            // A read that overlaps a write may see either side of it.
            if (at < 0 || (at + 1 < ofKey.Count && ofKey[at + 1].Invoked < read.Completed))
                continue;
            if (Judge(ofKey[at], read, clocks) is { } finding)
                findings.Add(finding);
        }
        return findings;
    }

    private static Finding? Judge(ExpiringWrite write, ExpiringRead read, ClockBounds clocks)
    {
        var what = $"key {read.Key}, written at {Seconds(write.Invoked)}..{Seconds(write.Completed)} s to live {(write.TimeToLive is { } life ? Seconds(life) : "for ever, not")} s, was read as {read.Value ?? "absent"} at {Seconds(read.Invoked)}..{Seconds(read.Completed)} s";
        if (read.Value is not null && read.Value != write.Value)
            return new Finding("wrong value", $"{what}; it was {write.Value}");
        var earliest = write.TimeToLive is { } shortest ? write.Invoked + (shortest / (1 + clocks.Drift)) - clocks.Slack : double.MaxValue;
        var latest = write.TimeToLive is { } longest ? write.Completed + (longest / (1 - clocks.Drift)) + clocks.Slack : double.MaxValue;
        if (read.Value is null && read.Completed < earliest)
            return new Finding("expired early", $"{what}; it lives at least until {Seconds(earliest)} s");
        if (read.Value is not null && read.Invoked > latest)
            return new Finding("expired late", $"{what}; it is gone by {Seconds(latest)} s");
        return null;
    }

    private static string Seconds(double nanoseconds) => (nanoseconds / 1e9).ToString("F6", System.Globalization.CultureInfo.InvariantCulture);
}
