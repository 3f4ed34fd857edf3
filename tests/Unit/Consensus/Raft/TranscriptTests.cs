using RaftKv.Tests.Harness.DataDriven;
using RaftKv.Tests.Harness.Raft;
using Xunit;

namespace RaftKv.Tests.Unit.Consensus.Raft;

/// <summary>Scenarios that broke others, and races of our own, as transcripts: each file in testdata says what happens and why. RAFTKV_REWRITE=1 rewrites them.</summary>
public class TranscriptTests
{
    public static TheoryData<string> Files()
    {
        var files = new TheoryData<string>();
        foreach (var file in Directory.GetFiles(DataDrivenFile.FindInRepository("tests/Unit/Consensus/Raft/testdata"), "*.txt").Order(StringComparer.Ordinal))
            files.Add(Path.GetFileName(file));
        return files;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Runs_as_written(string file) =>
        Assert.Null(DataDrivenFile.Run(Path.Combine(DataDrivenFile.FindInRepository("tests/Unit/Consensus/Raft/testdata"), file), new ScriptedGroup().Execute));
}
