using System.Globalization;

namespace RaftKv.Tests.Harness.State;

/// <summary>Runs a randomized test over many seeds, and says on failure which one it was. RAFTKV_CASES sets how many, RAFTKV_SEED replays one.</summary>
public static class Seeds
{
    public static void ForEach(int cases, Action<int> test)
    {
        if (Number("RAFTKV_SEED") is { } only)
        {
            test(only);
            return;
        }
        var count = Number("RAFTKV_CASES") ?? cases;
        for (var seed = 1; seed <= count; seed++)
        {
            try
            {
                test(seed);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"failed with seed {seed}; replay with RAFTKV_SEED={seed}: {failure.Message}", failure);
            }
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
