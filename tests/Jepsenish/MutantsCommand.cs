using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using RaftKv.Tests.Jepsenish.Mutants;
using Spectre.Console;

namespace RaftKv.Tests.Jepsenish;

/// <summary>The commands <c>mutants</c>, <c>core</c> and <c>store</c>: shows that the simulations notice each wrong line of the catalogue.</summary>
internal static class MutantsCommand
{
    private const int Good = 0, Bad = 1, Unknown = 2;

    private static readonly Suite[] Suites = [Suite.WholeNodes, Suite.Core, Suite.Store];

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    /// <summary><c>core</c>: the simulation of the Raft core alone, seed by seed.</summary>
    public static Command Core()
    {
        var (seeds, from) = SeedOptions();
        var command = new Command("core", "Runs the simulation of the Raft core alone: exit code 0 if every seed passes, 1 if one fails.") { seeds, from };
        command.SetAction(parsed => SeedSuite.RunCore(parsed.GetValue(from), parsed.GetValue(seeds), Console.Out));
        return command;
    }

    /// <summary><c>store</c>: the simulation of the FASTER store alone, seed by seed.</summary>
    public static Command Store()
    {
        var (seeds, from) = SeedOptions();
        var command = new Command("store", "Runs the simulation of the FASTER store alone: exit code 0 if every seed passes, 1 if one fails.") { seeds, from };
        command.SetAction(parsed => SeedSuite.RunStore(parsed.GetValue(from), parsed.GetValue(seeds), Console.Out));
        return command;
    }

    /// <summary><c>mutants</c>: builds each mutant and runs seeds against it.</summary>
    public static Command Mutants()
    {
        var (seeds, from) = SeedOptions();
        var only = new Option<string?>("--only") { Description = "Numbers of mutants, with commas; default: all that the suite can see." };
        var suite = new Option<string>("--suite") { Description = "sim: whole nodes; core, store: the Raft core or the FASTER store alone; unit: tests; each with the mutants that it may notice; all: one after the other.", DefaultValueFactory = _ => "all" };
        suite.AcceptOnlyFromAmong("all", "sim", "core", "store", PatchSuite.Tests);
        var seconds = new Option<int>("--seconds") { Description = "Time for one mutant.", DefaultValueFactory = _ => 600 };
        var workers = new Option<int>("--parallel") { Description = "Mutants at a time.", DefaultValueFactory = _ => Math.Clamp(Environment.ProcessorCount, 1, 8) };
        var json = new Option<bool>("--json") { Description = "Prints the outcomes as JSON." };
        var command = new Command("mutants", "Builds each wrong line of the catalogue and runs seeds until one fails: exit code 0 if every mutant is noticed, 1 if one survives, 2 if nothing can be said.")
        {
            only, seeds, from, suite, seconds, workers, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var name = parsed.GetRequiredValue(suite);
            if (Select(parsed.GetValue(only), name) is not { } mutants)
                return Unknown;
            Suite[] suites = [.. Suites.Where(s => name == "all" || s.Name == name)];
            var options = new MutantRunOptions(suites, parsed.GetValue(seeds), parsed.GetValue(from), TimeSpan.FromSeconds(parsed.GetValue(seconds)), Math.Max(1, parsed.GetValue(workers)));
            return await RunAsync(options, mutants, parsed.GetValue(json), cancellation);
        });
        return command;
    }

    private static (Option<ulong> Seeds, Option<ulong> From) SeedOptions() => (
        new Option<ulong>("--seeds") { Description = "How many seeds.", DefaultValueFactory = _ => 200 },
        new Option<ulong>("--from") { Description = "The first seed.", DefaultValueFactory = _ => 1 });

    private static List<Mutant>? Select(string? only, string suite)
    {
        IReadOnlyList<Mutant> all;
        try
        {
            all = Catalogue.All;
        }
        catch (InvalidDataException e)
        {
            Console.Error.WriteLine(e.Message);
            return null;
        }

        if (only is null)
            return [.. all.Where(m => suite == "all" || m.Patch is null || (suite == PatchSuite.Tests ? m.Patch is { Suite.IsTests: true } : Suites.Single(s => s.Name == suite).Tries(m)))];
        var selected = new List<Mutant>();
        foreach (var part in only.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!int.TryParse(part, CultureInfo.InvariantCulture, out var number) || all.FirstOrDefault(m => m.Number == number) is not { } mutant)
            {
                Console.Error.WriteLine($"--only {part}: there is no such mutant");
                return null;
            }

            selected.Add(mutant);
        }

        return selected;
    }

    private static async Task<int> RunAsync(MutantRunOptions options, List<Mutant> mutants, bool json, CancellationToken cancellation)
    {
        IReadOnlyList<Outcome> outcomes = [];
        try
        {
            if (json || Console.IsOutputRedirected)
                outcomes = await new MutantRun(options, Console.Error.WriteLine).RunAsync(mutants, cancellation);
            else
                await AnsiConsole.Status().StartAsync("starting", async status => outcomes = await new MutantRun(options, now => status.Status(Markup.Escape(now))).RunAsync(mutants, cancellation));
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidDataException or IOException)
        {
            Console.Error.WriteLine(e.Message);
            return Unknown;
        }

        if (json)
            Console.WriteLine(JsonSerializer.Serialize(outcomes, Json));
        else
            Print(outcomes);
        return outcomes.Any(o => o.Fate == Fate.Broken || (o.Number == 0 && !o.IsGood)) ? Unknown : outcomes.All(o => o.IsGood) ? Good : Bad;
    }

    private static void Print(IReadOnlyList<Outcome> outcomes)
    {
        Console.WriteLine("mutant  fate       seeds  seconds  what, and what noticed it");
        foreach (var outcome in outcomes)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcome.Number,6}  {outcome.Fate,-9}  {outcome.Seeds,5}  {outcome.Seconds,7:F1}  {outcome.What}{(outcome.By.Length > 0 ? ": " : "")}{outcome.By}"));
        }

        if (outcomes.FirstOrDefault(o => o.Number == 0) is { IsGood: false } unchanged)
            Console.WriteLine($"the program as it is did not survive ({unchanged.Fate}): the kills above say nothing");
        var survivors = outcomes.Where(o => o.Number != 0 && !o.IsGood).Select(o => o.Number).ToList();
        Console.WriteLine(survivors.Count == 0 ? "every mutant was noticed" : $"not noticed: {string.Join(", ", survivors)}");
    }
}
