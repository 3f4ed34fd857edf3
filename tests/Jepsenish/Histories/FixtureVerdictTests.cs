using RaftKv.Tests.Jepsenish.Checkers;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>The checker agrees with every verdict on histories that others recorded and judged.</summary>
public class FixtureVerdictTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_verdict_of_the_porcupine_fixtures_is_ours_too()
    {
        if (Fixtures.Find("porcupine") is not { } folder)
        {
            output.WriteLine("skipped: there is no shared/fixtures/porcupine beside the repository");
            return;
        }
        var wrong = new List<string>();
        var rows = File.ReadLines(Path.Combine(folder, "VERDICTS.tsv")).Skip(1).Where(l => l.Length > 0).Select(l => l.Split('\t')).ToList();
        foreach (var row in rows)
        {
            var file = Path.Combine(folder, "test_data", row[0]);
            var expected = bool.Parse(row[1]) ? Linearizability.Linearizable : Linearizability.Violated;
            var verdict = HistoryFile.Check(HistoryFile.Read(file));
            if (verdict.Result != expected)
                wrong.Add($"{row[0]}: {verdict.Result}, expected {expected}");
            foreach (var key in verdict.Keys.Where(k => k.Value.Violation is not null))
                Assert.NotEmpty(Explanation.Of(key.Key, key.Value.Violation!));
        }
        output.WriteLine($"{rows.Count} verdicts compared");
        Assert.NotEmpty(rows);
        Assert.Empty(wrong);
    }
}
