using System.CommandLine;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>The command <c>sim</c>.</summary>
internal static class SimCommand
{
    public static Command Create()
    {
        var seed = new Option<ulong?>("--seed");
        var seeds = new Option<int>("--seeds") { DefaultValueFactory = _ => 1 };
        var log = new Option<bool>("--log");
        var command = new Command("sim") { seed, seeds, log };
        command.SetAction(parsed =>
        {
            var first = parsed.GetValue(seed) ?? 1;
            var failed = 0;
            var clock = System.Diagnostics.Stopwatch.StartNew();
            long time = 0, ops = 0, events = 0;
            for (var s = first; s < first + (ulong)parsed.GetValue(seeds); s++)
            {
                var result = Simulation.Run(SimulationOptions.Draw(s), parsed.GetValue(log) ? Console.Out : null);
                time += result.Time;
                ops += result.Operations;
                events += result.Events;
                if (parsed.GetValue(seeds) == 1)
                    Console.WriteLine($"hash {result.Hash:x16} {string.Join(", ", result.Outcomes)} faults {string.Join(", ", result.Faults)} elections {result.Elections} leases {result.LeaseChecks}");
                if (result.Failure is null)
                    continue;
                failed++;
                Console.WriteLine($"seed {s} options {result.Options.Name} event {result.Events}: {result.Failure}");
            }

            Console.WriteLine($"{failed} failed; {time / 1e9:F0} s simulated in {clock.Elapsed.TotalSeconds:F1} s ({time / 1e9 / clock.Elapsed.TotalSeconds:F0}x), {ops} ops, {events} events");
            return failed == 0 ? 0 : 1;
        });
        return command;
    }
}
