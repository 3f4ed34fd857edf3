using Spectre.Console;

namespace RaftKv.Server.Cli;

/// <summary>Standard output as people see it: colours and line breaks are for terminals, whatever the environment says about the terminal behind a pipe.</summary>
internal static class Terminal
{
    public static IAnsiConsole Create()
    {
        if (!Console.IsOutputRedirected)
            return AnsiConsole.Console;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = 200;
        return console;
    }
}
