using System.CommandLine;
using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Nemesis;
using Spectre.Console;

namespace RaftKv.Tests.Jepsenish;

/// <summary>real: real processes under faults.</summary>
internal static class RealCommand
{
    public static Command Create()
    {
        var minutes = new Option<double>("--minutes") { Description = "How long clients and faults go on.", DefaultValueFactory = _ => 1 };
        var server = new Option<string?>("--server") { Description = "The host to run; default: the one built with the tests." };
        var seed = new Option<int?>("--seed") { Description = "Decides what clients ask and which faults are injected; default: drawn, and printed." };
        var keep = new Option<string?>("--keep") { Description = "Directory for history, data and logs, kept whatever the verdict; default: a temporary one, kept on failure." };
        var faults = new Option<string?>("--faults") { Description = $"Comma-separated, to be drawn from instead of all: {string.Join(", ", Enum.GetNames<Fault>())}." };
        var command = new Command("real", "Runs three real processes under faults, with clients on all of them, and checks what they saw.") { minutes, server, seed, keep, faults };
        command.SetAction(async (parsed, _) =>
        {
            if (!TryParseFaults(parsed.GetValue(faults), out var repertoire))
                return Commands.Unknown;
            var options = new RealRunOptions
            {
                Seed = parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000),
                Duration = TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                Server = parsed.GetValue(server),
                Keep = parsed.GetValue(keep),
                Faults = repertoire,
            };
            return await RunAsync(options);
        });
        return command;
    }

    private static bool TryParseFaults(string? list, out IReadOnlyList<Fault> faults)
    {
        faults = Enum.GetValues<Fault>();
        if (list is null)
            return true;
        var chosen = new List<Fault>();
        foreach (var name in list.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!Enum.TryParse<Fault>(name, ignoreCase: true, out var fault) || !Enum.IsDefined(fault))
            {
                Console.Error.WriteLine($"--faults: '{name}' is none of {string.Join(", ", Enum.GetNames<Fault>())}");
                return false;
            }
            chosen.Add(fault);
        }
        faults = chosen;
        return true;
    }

    private static async Task<int> RunAsync(RealRunOptions options)
    {
        if (options.Server is { } server && !File.Exists(server))
        {
            Console.Error.WriteLine($"--server {server}: there is no such file");
            return Commands.Unknown;
        }
        Console.WriteLine($"seed {options.Seed}");
        RealRun? run = null;
        if (Console.IsOutputRedirected)
            run = await RealRun.RunAsync(options, Console.WriteLine);
        else
            await AnsiConsole.Status().StartAsync("starting", async status => run = await RealRun.RunAsync(options, now => status.Status(Markup.Escape(now))));
        Console.Write(run);
        return run switch { { Passed: true } => Commands.Good, { Result: Linearizability.Undecided } => Commands.Unknown, _ => Commands.Bad };
    }
}
