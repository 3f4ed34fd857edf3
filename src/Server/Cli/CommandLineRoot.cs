using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace RaftKv.Server.Cli;

/// <summary>The command line. Whatever is wrong is told in exactly one line on standard error, and by the exit code.</summary>
internal static class CommandLineRoot
{
    /// <summary>Parses and runs; returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] arguments, TextWriter error)
    {
        var parsed = Create().Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            error.WriteLine($"raftkv: {OneLine(Problem(parsed))}");
            return ExitCode.Usage;
        }
        try
        {
            // serve and dev see to signals themselves: what they do on one takes longer than the library would wait.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (CommandLineException e)
        {
            error.WriteLine($"raftkv: {OneLine(e.Message)}");
            return e.ExitCode;
        }
    }

    public static RootCommand Create()
    {
        var root = new RootCommand("RaftKv: a replicated key-value store. Any Redis client can use it.")
        {
            ServeCommand.Create(),
            DevCommand.Create(),
            StatusCommand.Create(),
            GroupCommand.Create(),
        };
        foreach (var option in root.Options)
        {
            if (option is VersionOption version)
                version.Action = new PrintVersion();
        }
        return root;
    }

    /// <summary>What is wrong, in a sentence. That a command is missing is said first by the parser even where one was mistyped, and names neither it nor the right ones.</summary>
    private static string Problem(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command.Subcommands.Count == 0)
            return parsed.Errors[0].Message;
        var mistyped = parsed.UnmatchedTokens is [var first, ..] ? first : null;
        var allowed = string.Join(", ", command.Subcommands.Select(c => c.Name));
        return mistyped is null ? $"a command is missing, allowed is: {allowed}; --help explains" : $"'{mistyped}' is no command, allowed is: {allowed}; --help explains";
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    /// <summary>The version alone: the source revision that the build appends means nothing to who reads it.</summary>
    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var version = typeof(PrintVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];
            Console.Out.WriteLine($"raftkv {version}");
            return ExitCode.Ok;
        }
    }
}
