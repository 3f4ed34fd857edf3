using System.Globalization;

namespace RaftKv.Tests.Harness;

/// <summary>How many cases a randomized test runs: few by default, more by the environment variable RAFTKV_CASES; RAFTKV_SEED replays one.</summary>
public static class CaseCount
{
    /// <summary>The seeds to run.</summary>
    public static IEnumerable<ulong> Seeds(int byDefault)
    {
        if (ulong.TryParse(Environment.GetEnvironmentVariable("RAFTKV_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
            return [seed];
        var count = int.TryParse(Environment.GetEnvironmentVariable("RAFTKV_CASES"), NumberStyles.None, CultureInfo.InvariantCulture, out var cases) ? cases : byDefault;
        return Enumerable.Range(1, count).Select(i => (ulong)i);
    }
}
