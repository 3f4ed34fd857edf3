using System.CommandLine;
using RaftKv.Tests.Jepsenish.Checkers;
using Spectre.Console;

namespace RaftKv.Tests.Jepsenish;

/// <summary>The command line of the tests' own executable: judge a history, or run real processes under faults.</summary>
internal static class Commands
{
    private const int Good = 0, Bad = 1, Unknown = 2;

    /// <summary>Runs a command; 0 when all is well, 1 when something is wrong, 2 when nothing can be said.</summary>
    public static Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("Judges histories, and runs real nodes under faults.") { CheckCommand.Create(), RealCommand() };
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count == 0)
            return parsed.InvokeAsync();
        Console.Error.WriteLine(string.Join(' ', parsed.Errors.Select(e => e.Message)));
        return Task.FromResult(Unknown);
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
