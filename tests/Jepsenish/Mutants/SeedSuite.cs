using RaftKv.Tests.Harness.Raft;
using RaftKv.Tests.Harness.Store;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>The simulations of parts alone, as runs of seeds: fast, and blind to all that is not in the part.</summary>
internal static class SeedSuite
{
    /// <summary>The Raft core. 0 if no seed fails, else 1.</summary>
    public static int RunCore(ulong from, ulong seeds, TextWriter output) => Run(from, seeds, output, seed => new RaftSimulation(SimulationOptions.FromSeed(seed)).Run());

    /// <summary>The FASTER store on a simulated disk. 0 if no seed fails, else 1.</summary>
    public static int RunStore(ulong from, ulong seeds, TextWriter output) => Run(from, seeds, output, StoreSimulation.RunFaster);

    private static int Run(ulong from, ulong seeds, TextWriter output, Action<ulong> run)
    {
        for (var seed = from; seed < from + seeds; seed++)
        {
            try
            {
                run(seed);
            }
#pragma warning disable CA1031 // whatever ends a seed is its failure
            catch (Exception failure)
#pragma warning restore CA1031
            {
                output.WriteLine(failure);
                output.WriteLine(new Kill(seed, seed - from + 1, (failure.InnerException ?? failure).Message.ReplaceLineEndings(" ")));
                return 1;
            }
        }

        output.WriteLine($"{seeds} seeds from {from}: no failure");
        return 0;
    }
}
