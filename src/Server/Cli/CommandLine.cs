using System.CommandLine;

namespace RaftKv.Server.Cli;

/// <summary>
/// The host's command line. Exit codes: 0 done, 1 the command failed while it ran, 2 it was not asked correctly (a bad flag or file), 3 the node could not start.
/// What went wrong is one line on standard error.
/// </summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand(
            """
            raftkv: a replicated, linearizable key-value store that Redis clients talk to.

            Examples:
              raftkv dev                                            a three-node cluster in this process, on port 6379
              raftkv serve --id n1 --data data/n1 --cluster n1=10.0.0.1:7001,n2=10.0.0.2:7001,n3=10.0.0.3:7001 --resp 0.0.0.0:6379 --http 0.0.0.0:8080
              raftkv status --endpoint 127.0.0.1:8080 --watch
            """)
        {
            ServeCommand.Create(),
            DevCommand.Create(),
            StatusCommand.Create(),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
            return Fail(ExitCode.Usage, $"{parsed.Errors[0].Message.TrimEnd('.')}; see raftkv {(parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ")}--help");
        try
        {
            // Signals are the host's: it ends what is under way before it goes.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (UsageException e)
        {
            return Fail(ExitCode.Usage, e.Message);
        }
    }

    /// <summary>Says in one line what went wrong.</summary>
    public static int Fail(ExitCode code, string message)
    {
        Console.Error.WriteLine($"raftkv: {message}");
        return (int)code;
    }
}
