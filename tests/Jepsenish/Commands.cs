using System.CommandLine;
using RaftKv.Tests.Jepsenish.Simulation;

namespace RaftKv.Tests.Jepsenish;

/// <summary>The command line of the tests' own executable.</summary>
internal static class Commands
{
    /// <summary>Exit codes: all is well, something is wrong, nothing can be said.</summary>
    public const int Good = 0, Bad = 1, Unknown = 2;

    /// <summary>Runs a command; 0 when all is well, 1 when something is wrong, 2 when nothing can be said.</summary>
    public static Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("Judges histories, and runs nodes under faults: simulated ones, and real ones.")
        {
            CheckCommand.Create(), SimCommand.Create(), RealCommand.Create(), MutantsCommand.Mutants(), MutantsCommand.Core(), MutantsCommand.Store(),
        };
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count == 0)
            return parsed.InvokeAsync();
        Console.Error.WriteLine(string.Join(' ', parsed.Errors.Select(e => e.Message)));
        return Task.FromResult(Unknown);
    }
}
