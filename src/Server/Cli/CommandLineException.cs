namespace RaftKv.Server.Cli;

/// <summary>The command cannot go on; the message is one line for whoever typed it.</summary>
internal sealed class CommandLineException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;

    public static CommandLineException Usage(string message) => new(Cli.ExitCode.Usage, message);
}
