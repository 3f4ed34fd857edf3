using RaftKv.Tests.Harness;

namespace RaftKv.Tests.Properties.Store;

/// <summary>Runs a test once per seed; a failure names the seed that replays it.</summary>
internal static class StoreCases
{
    public static void Run(int byDefault, Action<ulong> test)
    {
        foreach (var seed in CaseCount.Seeds(byDefault))
        {
            try
            {
                test(seed);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"failed with seed {seed}; replay with RAFTKV_SEED={seed}", exception);
            }
        }
    }
}
