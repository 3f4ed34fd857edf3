using RaftKv.Tests.Harness.Raft;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>The simulation of the Raft core alone, as a run of seeds: fast, and blind to all that is not in the core.</summary>
internal static class CoreSuite
{
    /// <summary>Runs seeds one after another until one fails; 0 if none does, else 1.</summary>
    public static int Run(ulong from, ulong seeds, TextWriter output)
    {
        for (var seed = from; seed < from + seeds; seed++)
        {
            try
            {
                new RaftSimulation(SimulationOptions.FromSeed(seed)).Run();
            }
            catch (SimulationFailedException failure)
            {
                output.WriteLine(failure.Message);
                output.WriteLine(new Kill(seed, seed - from + 1, failure.InnerException?.Message.ReplaceLineEndings(" ") ?? ""));
                return 1;
            }
        }

        output.WriteLine($"{seeds} seeds from {from}: no failure");
        return 0;
    }
}
