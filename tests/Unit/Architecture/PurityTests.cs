using System.Text.RegularExpressions;
using Xunit;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>The analyzer that keeps clocks, threads and disks out of the Raft core and of apply is switched on where it must be. What it bans, it bans itself.</summary>
public class PurityTests
{
    [Theory]
    [InlineData("src/Consensus/Raft")]
    [InlineData("src/Engine/Commands")]
    public void Banned_symbols_are_errors_in_deterministic_code(string folder) => Assert.True(IsErrorIn(SourceTree.Read(".editorconfig"), folder));

    [Fact]
    public void The_scope_is_read_as_it_is_written()
    {
        Assert.False(IsErrorIn("[src/Other/**.cs]\ndotnet_diagnostic.RS0030.severity = error\n", "src/Consensus/Raft"));
        Assert.False(IsErrorIn("[src/Consensus/Raft/**.cs]\n[*.cs]\ndotnet_diagnostic.RS0030.severity = error\n", "src/Consensus/Raft"));
        Assert.False(IsErrorIn("[src/Consensus/Raft/**.cs]\ndotnet_diagnostic.RS0030.severity = warning\n", "src/Consensus/Raft"));
    }

    [Theory]
    [InlineData("T:System.Threading.Tasks.Task;")]
    [InlineData("T:System.Threading.Thread;")]
    [InlineData("T:System.DateTime;")]
    [InlineData("T:System.Diagnostics.Stopwatch;")]
    [InlineData("T:System.Random;")]
    [InlineData("M:System.Guid.NewGuid;")]
    [InlineData("P:System.Environment.TickCount64;")]
    [InlineData("T:System.IO.File;")]
    [InlineData("T:System.Net.Sockets.Socket;")]
    public void What_would_make_a_replay_differ_is_banned(string symbol) => Assert.Contains(symbol, SourceTree.Read("src/BannedSymbols.txt"), StringComparison.Ordinal);

    [Theory]
    [InlineData("src/Engine/RaftKv.Engine.csproj")]
    [InlineData("src/Consensus/RaftKv.Consensus.csproj")]
    public void The_analyzer_is_given_its_list(string project)
    {
        var text = SourceTree.Read(project);
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", text, StringComparison.Ordinal);
        Assert.Contains("<AdditionalFiles Include=\"../BannedSymbols.txt\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_switches_the_ban_off_in_place() =>
        Assert.DoesNotContain(SourceTree.Files("src").Where(f => f.Path.StartsWith("src/Consensus/Raft/", StringComparison.Ordinal) || f.Path.StartsWith("src/Engine/Commands/", StringComparison.Ordinal)), f => f.Text.Contains("RS0030", StringComparison.Ordinal));

    private static bool IsErrorIn(string editorConfig, string folder)
    {
        var section = Regex.Match(editorConfig, $@"^\[{Regex.Escape(folder)}/\*\*\.cs\]\n(?<body>[^\[]*)", RegexOptions.Multiline);
        return section.Success && section.Groups["body"].Value.Contains("dotnet_diagnostic.RS0030.severity = error", StringComparison.Ordinal);
    }
}
