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
    private const int Good = 0, Bad = 1, Unknown = 2;

    /// <summary>Runs a command; 0 when all is well, 1 when something is wrong, 2 when nothing can be said.</summary>
    public static Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("Judges histories, and runs real nodes under faults.") { CheckCommand(), RealCommand(), MutantsCommand.Core(), MutantsCommand.Mutants() };
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

    private static Command RealCommand()
    {
        var minutes = new Option<double>("--minutes") { Description = "How long clients and faults go on.", DefaultValueFactory = _ => 1 };
        var server = new Option<string?>("--server") { Description = "The host to run; default: the one built with the tests." };
        var seed = new Option<int?>("--seed") { Description = "Decides what clients ask and which faults are injected; default: drawn, and printed." };
        var keep = new Option<string?>("--keep") { Description = "Directory for history, data and logs, kept whatever the verdict; default: a temporary one, kept on failure." };
        var command = new Command("real", "Runs three real processes under faults, with clients on all of them, and checks what they saw.") { minutes, server, seed, keep };
        command.SetAction(async (parsed, _) =>
        {
            var options = new RealRunOptions
            {
                Seed = parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000),
                Duration = TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                Server = parsed.GetValue(server),
                Keep = parsed.GetValue(keep),
            };
            return await RealAsync(options);
        });
        return command;
    }

    private static async Task<int> RealAsync(RealRunOptions options)
    {
        if (options.Server is { } server && !File.Exists(server))
        {
            Console.Error.WriteLine($"--server {server}: there is no such file");
            return Unknown;
        }
        Console.WriteLine($"seed {options.Seed}");
        RealRun? run = null;
        if (Console.IsOutputRedirected)
            run = await RealRun.RunAsync(options, Console.WriteLine);
        else
            await AnsiConsole.Status().StartAsync("starting", async status => run = await RealRun.RunAsync(options, now => status.Status(Markup.Escape(now))));
        Console.Write(run);
        return run switch { { Passed: true } => Good, { Result: Linearizability.Undecided } => Unknown, _ => Bad };
    }
}
