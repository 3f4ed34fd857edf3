using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Checkers.Transactions;
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

    [Fact]
    public void Every_verdict_of_the_elle_fixtures_is_ours_too()
    {
        foreach (var (file, row) in Rows("elle-cli"))
        {
            var history = TransactionFile.Read(File.ReadAllLines(file));
            var model = IsolationModel.Known.Single(m => m.Name == (row[3] == "serializability" ? "serializable" : "strict-serializable"));
            Agrees(row[0], history, model, bool.Parse(row[1]));
        }
    }

    [Fact]
    public void Every_verdict_of_the_isovista_fixtures_is_ours_too()
    {
        foreach (var (file, row) in Rows("isovista"))
        {
            var history = TransactionFile.Read(File.ReadAllLines(file));
            Agrees(row[0], history, IsolationModel.Serializable, bool.Parse(row[1]));
            Agrees(row[0], history, IsolationModel.Causal, bool.Parse(row[2]));
        }
    }

    private List<(string File, string[] Row)> Rows(string name)
    {
        if (Fixtures.Find(name) is not { } folder)
        {
            output.WriteLine($"skipped: there is no shared/fixtures/{name} beside the repository");
            return [];
        }
        var rows = File.ReadLines(Path.Combine(folder, "VERDICTS.tsv")).Skip(1).Where(l => l.Length > 0).Select(l => l.Split('\t')).ToList();
        Assert.NotEmpty(rows);
        return [.. rows.Select(r => (Path.Combine(folder, r[0]), r))];
    }

    private void Agrees(string name, List<Transaction> history, IsolationModel model, bool expected)
    {
        var verdict = TransactionFile.Check(history, model);
        output.WriteLine($"{name}: {history.Count} transactions, {model.Name}: {verdict.IsValid}\n{string.Join("\n", verdict.Anomalies)}");
        Assert.False(verdict.IsUndecided, $"{name}, {model.Name}: undecided");
        Assert.True(verdict.IsValid == expected, $"{name}, {model.Name}: {verdict.IsValid}, expected {expected}");
    }
}
