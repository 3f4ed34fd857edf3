using System.CommandLine;
using BenchmarkDotNet.Running;

namespace RaftKv.Bench.Micro;

/// <summary><c>micro</c>: BenchmarkDotNet over single parts; what follows goes to its switcher, such as <c>micro --filter '*Frame*'</c>.</summary>
public static class MicroCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new Command("micro", "measure single parts with BenchmarkDotNet") { TreatUnmatchedTokensAsErrors = false };
        command.SetAction(parsed =>
        {
            BenchmarkSwitcher.FromAssembly(typeof(MicroCommand).Assembly).Run([.. parsed.UnmatchedTokens]);
            return 0;
        });
        return command;
    }
}
