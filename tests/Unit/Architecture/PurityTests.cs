using System.Text.RegularExpressions;
using Xunit;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>The analyzer that keeps clocks, threads and disks out of deterministic code is switched on where it must be, with no exceptions but these. What it bans, it bans itself.</summary>
public partial class PurityTests
{
    private static readonly string[] Deterministic = ["src/Consensus/Raft", "src/Engine/State", "src/Consensus/Groups", "src/Engine/Wal", "src/Engine/Store"];

    // Files in which the analyzer is off, and what of the banned they need it for. Everything else stays banned, by this test.
    private static readonly Dictionary<string, string[]> Exceptions = new()
    {
        ["src/Consensus/Groups/Node/MonotonicClock.cs"] = ["Stopwatch", "DateTimeOffset"],
        ["src/Consensus/Groups/Node/NodeRuntime.cs"] = ["Task", "ValueTask", "Interlocked"],
        ["src/Consensus/Groups/Node/ThreadedDriver.cs"] = ["Task", "ValueTask", "Interlocked", "ThreadPool"],
        ["src/Consensus/Groups/Requests/DiskReads.cs"] = ["Interlocked"],
        ["src/Consensus/Groups/Node/Parker.cs"] = ["Interlocked"],
        ["src/Consensus/Groups/Node/ShardThread.cs"] = ["Thread"],
        ["src/Consensus/Groups/Shards/ShardInbox.cs"] = ["Interlocked"],
        ["src/Consensus/Groups/Node/FileLocks.cs"] = ["FileStream"],
        ["src/Engine/Wal/Log/WalWriter.cs"] = ["Thread", "Interlocked"],
        ["src/Engine/Wal/Index/WalIndex.cs"] = ["Lock"],
        ["src/Engine/Wal/Write/SegmentAllocator.cs"] = ["Lock"],
        ["src/Engine/Store/HybridLog/DiskReserve.cs"] = ["Lock"],
        ["src/Engine/Store/HybridLog/HybridLogDevice.cs"] = ["Interlocked"],
        ["src/Engine/Store/HybridLog/HybridLogSegments.cs"] = ["Lock"],
        ["src/Engine/Store/HybridLog/WorkerThread.cs"] = ["Thread", "Lock"],
        ["src/Engine/Store/Checkpoints/CheckpointMetadata.cs"] = ["Interlocked"],
        ["src/Engine/Store/Memory/MemoryGroupState.cs"] = ["Lock"],
        ["src/Engine/Store/Faster/PublishedPosition.cs"] = ["Interlocked", "Thread"],
        ["src/Engine/Store/Faster/ReaderPool.cs"] = ["Interlocked"],
        ["src/Engine/Store/Faster/SnapshotTickets.cs"] = ["Lock"],
    };

    [Theory]
    [InlineData("src/Consensus/Raft")]
    [InlineData("src/Engine/State")]
    [InlineData("src/Consensus/Groups")]
    [InlineData("src/Engine/Wal")]
    [InlineData("src/Engine/Store")]
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
        Assert.DoesNotContain(Deterministic.SelectMany(SourceTree.Files), f => f.Text.Contains("RS0030", StringComparison.Ordinal));

    [Fact]
    public void The_ban_is_off_for_the_named_files_only() => Assert.Equal(Exceptions.Keys.Order(), ExceptionsIn(SourceTree.Read(".editorconfig")).Order());

    [Fact]
    public void An_exception_uses_only_what_it_is_there_for()
    {
        foreach (var (path, allowed) in Exceptions)
            Assert.Empty(BannedIn(new SourceTree.SourceFile(path, SourceTree.Read(path))).Except(allowed).Select(word => $"{path}: {word}"));
    }

    [Fact]
    public void A_banned_word_is_seen_in_code_and_not_in_prose()
    {
        Assert.Equal(["Thread"], BannedIn(new SourceTree.SourceFile("src/A.cs", "class A { Thread t; }")));
        Assert.Equal(["Random"], BannedIn(new SourceTree.SourceFile("src/A.cs", "var n = Random.Shared.Next();")));
        Assert.Empty(BannedIn(new SourceTree.SourceFile("src/A.cs", "// a Thread\nclass ShardThread;")));
        Assert.Equal(["src/A/B.cs", "src/A/C.cs"], ExceptionsIn("[src/A/{B,C}.cs]\ndotnet_diagnostic.RS0030.severity = none\n[src/A/D.cs]\n"));
    }

    private static bool IsErrorIn(string editorConfig, string folder)
    {
        var section = Regex.Match(editorConfig, $@"^\[{Regex.Escape(folder)}/\*\*\.cs\]\n(?<body>[^\[]*)", RegexOptions.Multiline);
        return section.Success && section.Groups["body"].Value.Contains("dotnet_diagnostic.RS0030.severity = error", StringComparison.Ordinal);
    }

    private static IEnumerable<string> ExceptionsIn(string editorConfig) =>
        from Match section in Section().Matches(editorConfig)
        where section.Groups["body"].Value.Contains("dotnet_diagnostic.RS0030.severity = none", StringComparison.Ordinal)
        from file in section.Groups["files"].Value.Trim('{', '}').Split(',')
        select $"{section.Groups["folder"].Value}/{file}.cs";

    private static IEnumerable<string> BannedIn(SourceTree.SourceFile file) => Banned().Matches(file.Code).Select(m => m.Value).Distinct();

    [GeneratedRegex(@"^\[(?<folder>src/[\w/]+)/(?<files>\w+|\{[\w,]+\})\.cs\]\n(?<body>[^\[]*)", RegexOptions.Multiline)]
    private static partial Regex Section();

    // The types and members of BannedSymbols.txt as they are written in code; not the properties that happen to be called like one of the types.
    [GeneratedRegex(@"(?<![.\w])(?:Task|ValueTask|Thread|ThreadPool|Timer|Monitor|Lock|Interlocked|DateTime|DateTimeOffset|TimeProvider|Stopwatch|Random|RandomNumberGenerator|HashCode|File|FileStream|RandomAccess|Directory|Socket|Console)\b(?!\s*(?:=|\{ get))|\b(?:TickCount|TickCount64|NewGuid|GetHashCode)\b")]
    private static partial Regex Banned();
}
