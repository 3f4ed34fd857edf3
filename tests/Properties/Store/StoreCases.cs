using System.Globalization;

namespace RaftKv.Tests.Properties.Store;

/// <summary>How many random cases a test runs, and from which seed: RAFTKV_CASES and RAFTKV_SEED, for longer runs and replays.</summary>
internal static class StoreCases
{
    /// <summary>Runs cases with consecutive seeds; a failure names its seed.</summary>
    public static void Run(int cases, Action<ulong> test)
    {
        var first = ulong.Parse(Environment.GetEnvironmentVariable("RAFTKV_SEED") ?? "1", CultureInfo.InvariantCulture);
        if (Environment.GetEnvironmentVariable("RAFTKV_CASES") is { } given)
            cases = int.Parse(given, CultureInfo.InvariantCulture);
        for (var seed = first; seed < first + (ulong)cases; seed++)
        {
            try
            {
                test(seed);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"failed with seed {seed}; replay with RAFTKV_SEED={seed} RAFTKV_CASES=1", exception);
            }
        }
    }
}
