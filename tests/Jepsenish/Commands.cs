using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;
using Spectre.Console;

namespace RaftKv.Tests.Jepsenish;

/// <summary>The command line of the tests' own executable: judge a history, or run real processes under faults.</summary>
internal static class Commands
{
    /// <summary>Exit codes: all is well, something is wrong, nothing can be said.</summary>
    public const int Good = 0, Bad = 1, Unknown = 2;

    /// <summary>Runs a command; 0 when all is well, 1 when something is wrong, 2 when nothing can be said.</summary>
    public static Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("Judges histories, and runs nodes under faults: simulated ones, and real ones.")
        {
            CheckCommand(), Simulation.SimCommand.Create(), RealCommand.Create(), MutantsCommand.Mutants(), MutantsCommand.Core(),
        };
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count == 0)
            return parsed.InvokeAsync();
        Console.Error.WriteLine(string.Join(' ', parsed.Errors.Select(e => e.Message)));
        return Task.FromResult(Unknown);
    }

    private static Command CheckCommand()
    {
        var file = new Argument<string>("file")
        {
            Description = """JSON lines {"process":0,"type":"invoke|ok|fail|info","f":"read|write|cas","key":"k","value":...,"time":ns}, or a Jepsen log of a register, or EDN of get, put and append.""",
        };
        var seconds = new Option<int>("--seconds") { Description = "Time after which the verdict is: undecided.", DefaultValueFactory = _ => 300 };
        var command = new Command("check", "Decides whether a history is linearizable: exit code 0 if it is, 1 if not, 2 if undecided or not readable.") { file, seconds };
        command.SetAction(parsed => Check(parsed.GetRequiredValue(file), parsed.GetValue(seconds)));
        return command;
    }

    private static int Check(string file, int seconds)
    {
        try
        {
            var started = Stopwatch.GetTimestamp();
            var history = HistoryFile.Read(file);
            var limits = SearchLimits.Default with { MaxTime = TimeSpan.FromSeconds(seconds) };
            var verdict = Progress(history, onKey => HistoryFile.Check(history, limits, onKey));
            foreach (var (key, bad) in verdict.Keys.Where(k => k.Value.Result == Linearizability.Violated))
                Console.Write(Explanation.Of(key, bad.Violation!));
            foreach (var (key, open) in verdict.Keys.Where(k => k.Value.Result == Linearizability.Undecided))
                Console.WriteLine($"key {key}: undecided after {open.Explored} configurations");
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{verdict.Result switch { Linearizability.Linearizable => "linearizable", Linearizability.Violated => "NOT linearizable", _ => "undecided" }}: {history.Operations.Count} operations on {verdict.Keys.Count} keys, {verdict.Keys.Values.Sum(k => k.Explored)} configurations, {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s"));
            return verdict.Result switch { Linearizability.Linearizable => Good, Linearizability.Violated => Bad, _ => Unknown };
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{file}: {e.Message}");
            return Unknown;
        }
    }

    private static Verdict Progress(History history, Func<Action<string, KeyVerdict>, Verdict> check)
    {
        if (Console.IsOutputRedirected)
            return check((_, _) => { });
        return AnsiConsole.Progress().Start(context =>
        {
            var task = context.AddTask("keys", maxValue: history.Operations.Select(o => o.Key).Distinct().Count());
            return check((_, _) => task.Increment(1));
        });
    }
}
