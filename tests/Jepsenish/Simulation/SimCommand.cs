using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Spectre.Console;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>sim: whole nodes in simulated time, under faults, from seeds.</summary>
internal static class SimCommand
{
    private static readonly Option<ulong?> Seed = new("--seed") { Description = "Runs this one only." };
    private static readonly Option<int?> Seeds = new("--seeds") { Description = "How many; default 200." };
    private static readonly Option<ulong> From = new("--from") { Description = "The first of them.", DefaultValueFactory = _ => 1 };
    private static readonly Option<double?> Minutes = new("--minutes") { Description = "Instead of a number: for how long." };
    private static readonly Option<int> Threads = new("--threads") { Description = "Runs at a time, each on one thread.", DefaultValueFactory = _ => Math.Max(1, Environment.ProcessorCount) };
    private static readonly Option<bool> Log = new("--log") { Description = "With --seed or --scenario: tells the story, who sent what to whom, what became durable, who came to lead." };
    private static readonly Option<bool> Shrink = new("--shrink") { Description = "Reduces the first failure (faults, nodes, groups, clients, keys, time) and writes it as a scenario file." };
    private static readonly Option<string?> Scenario = new("--scenario") { Description = "Runs a scenario file instead of a seed." };
    private static readonly Option<bool> StopAtFirst = new("--stop-at-first") { Description = "Ends at the first failure." };
    private static readonly Option<bool> MarkersMustBeReached = new("--all-markers") { Description = "Fails when a marker was never reached: for long runs." };
    private static readonly Option<bool> Json = new("--json") { Description = "Prints the sum as JSON." };

    private static string Commit { get; } =
        typeof(SimCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, { Length: >= 8 } commit] ? commit[..8] : "unknown";

    public static Command Create()
    {
        var command = new Command("sim", """
            Runs whole nodes in simulated time under faults, and holds everything against the promises. Exit code 0 when all held, 1 when something is wrong, 2 for a bad request.
            Examples:
              sim --seeds 1000             a thousand seeds
              sim --seed 42 --log          one seed, told as a story
              sim --seed 42 --shrink       the same failure with as little as possible, as a scenario file
            """)
        { Seed, Seeds, From, Minutes, Threads, Log, Shrink, Scenario, StopAtFirst, MarkersMustBeReached, Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(Scenario) is { } file)
            return RunFile(file, parsed);
        if (parsed.GetValue(Seed) is { } seed)
            return RunOne(SimulationOptions.Draw(seed), $"--seed {seed}", parsed);
        return RunMany(parsed);
    }

    private static int RunFile(string file, ParseResult parsed)
    {
        try
        {
            return RunOne(ScenarioFile.Read(file).Options, $"--scenario {file}", parsed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Text.Json.JsonException or InvalidDataException)
        {
            Console.Error.WriteLine($"--scenario {file}: {e.Message}");
            return Commands.Unknown;
        }
    }

    private static int RunOne(SimulationOptions options, string asked, ParseResult parsed)
    {
        var poolBefore = ThreadPool.CompletedWorkItemCount;
        var result = Simulation.Run(options, parsed.GetValue(Log) ? Console.Out : null);
        // Nothing of a run may happen on another thread: its order would not be the seed's.
        if (result.Failure is null && ThreadPool.CompletedWorkItemCount != poolBefore)
            result = result with { Failure = "work was given to the thread pool" };
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"hash {result.Hash:x16} after {result.Events} events, {result.Time / 1e9:F3} simulated s, {result.Operations} operations"));
        Console.WriteLine($"faults: {string.Join(", ", result.Faults.Select(f => $"{f.Key} {f.Value}"))}");
        Console.WriteLine($"operations: {string.Join(", ", result.Outcomes.Select(o => $"{o.Key} {o.Value}"))}");
        if (result.Failure is null)
        {
            Console.WriteLine("all held");
            return Commands.Good;
        }

        Tell(result, asked);
        if (parsed.GetValue(Shrink))
            ShrinkAndWrite(result);
        return Commands.Bad;
    }

    private static int RunMany(ParseResult parsed)
    {
        var minutes = parsed.GetValue(Minutes);
        var seeds = parsed.GetValue(Seeds) ?? (minutes is null ? 200 : int.MaxValue);
        var threads = parsed.GetValue(Threads);
        var clock = Stopwatch.StartNew();
        var time = minutes is { } m ? TimeSpan.FromMinutes(m) : TimeSpan.MaxValue;
        var tally = new SimulationTally();
        void OnResult(SimulationResult result)
        {
            if (result.Failure is null)
                return;
            if (tally.Failures.Count == 1)
                Console.WriteLine($"first failure: seed {result.Options.Seed} after {tally.Runs} seeds");
            Tell(result, $"--seed {result.Options.Seed}");
        }

        void RunAll(Action onProgress) => new SeedRun(tally, SeedRun.Range(parsed.GetValue(From), seeds), time, threads, parsed.GetValue(StopAtFirst) || parsed.GetValue(Shrink), result =>
        {
            OnResult(result);
            onProgress();
        }).Run();

        if (Console.IsOutputRedirected)
            RunAll(() => { });
        else
            RunWithProgress(RunAll, tally, minutes is null ? seeds : (double?)null, minutes);
        var json = parsed.GetValue(Json);
        Console.WriteLine(json ? tally.ToJson(clock.Elapsed, threads) : tally.ToText(clock.Elapsed, threads));
        foreach (var failure in json ? [] : tally.Failures)
            Console.WriteLine($"failed: seed {failure.Options.Seed}: dotnet run -c Release --project tests/Jepsenish -- sim --seed {failure.Options.Seed} --log");
        if (tally.Failures.Count > 0 && parsed.GetValue(Shrink))
            ShrinkAndWrite(tally.Failures[0]);
        if (parsed.GetValue(MarkersMustBeReached) && tally.NeverReached.Count > 0)
        {
            Console.WriteLine($"{tally.NeverReached.Count} markers were never reached");
            return Commands.Bad;
        }

        return tally.Failures.Count == 0 ? Commands.Good : Commands.Bad;
    }

    private static void RunWithProgress(Action<Action> run, SimulationTally tally, double? seeds, double? minutes)
    {
        var clock = Stopwatch.StartNew();
        AnsiConsole.Progress().Start(context =>
        {
            var task = context.AddTask("seeds", maxValue: seeds ?? minutes!.Value * 60);
            run(() =>
            {
                task.Value = seeds is null ? clock.Elapsed.TotalSeconds : tally.Runs;
                task.Description = string.Create(CultureInfo.InvariantCulture, $"{tally.Runs} seeds, {tally.Hours:F1} h, {tally.Failures.Count} failed");
            });
        });
    }

    private static void Tell(SimulationResult result, string asked)
    {
        Console.WriteLine($"FAILED: seed {result.Options.Seed} commit {Commit} options {result.Options.Name} event {result.Events}");
        Console.WriteLine($"  {result.Failure!.ReplaceLineEndings("\n  ")}");
        Console.WriteLine($"  replay: dotnet run -c Release --project tests/Jepsenish -- sim {asked} --log");
    }

    private static void ShrinkAndWrite(SimulationResult failure)
    {
        Console.WriteLine("shrinking");
        var smallest = new Shrinker(Console.WriteLine).Shrink(failure);
        var file = $"scenario-{smallest.Options.Name}.json";
        new ScenarioFile { Story = smallest.Failure!.Split('\n')[0], Options = smallest.Options }.Write(file);
        Console.WriteLine($"{smallest.Options.Nodes} nodes, {smallest.Options.Groups} groups, {smallest.Options.Clients} clients, {smallest.Options.Faults.Count} faults, {smallest.Events} events: {smallest.Failure}");
        Console.WriteLine($"written to {file}; moved to tests/Jepsenish/Simulation/Scenarios it is part of the suite");
    }
}
