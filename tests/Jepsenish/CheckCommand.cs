using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Checkers.Transactions;
using RaftKv.Tests.Jepsenish.Histories;
using Spectre.Console;

namespace RaftKv.Tests.Jepsenish;

/// <summary>The command <c>check</c>: judges a history in a file; or draws a correct one into the file first, to measure the checkers and to have something to falsify by hand.</summary>
internal static class CheckCommand
{
    private const int Good = 0, Bad = 1, Unknown = 2;

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var file = new Argument<string>("file")
        {
            Description = """
                JSON {"process":0,"type":"invoke|ok|fail|info","f":"read|write|cas|append","key":"k","value":...,"time":ns}, or a Jepsen log of a register, or the same as EDN;
                or transactions: JSON with "f":"txn","value":[["append","k",1],["r","k",null],["w","k",1]], or the same as EDN, or lines r|w(key,value,session,transaction).
                JSON and EDN may stand one record a line, or in one array; comments of EDN are passed over.
                """,
        };
        var seconds = new Option<int>("--seconds") { Description = "Time after which the verdict on single operations is: undecided.", DefaultValueFactory = _ => 300 };
        var model = new Option<string>("--model")
        {
            Description = $"For transactions: {string.Join(", ", IsolationModel.Known.Append(IsolationModel.Causal).Select(m => m.Name))}.",
            DefaultValueFactory = _ => IsolationModel.StrictSerializable.Name,
        };
        model.AcceptOnlyFromAmong([.. IsolationModel.Known.Append(IsolationModel.Causal).Select(m => m.Name)]);
        var generate = new Option<string?>("--generate") { Description = "Writes a correct history into the file first: register (single operations) or list-append (transactions)." };
        generate.AcceptOnlyFromAmong("register", "list-append");
        var count = new Option<int>("--count") { Description = "How many operations or transactions to generate, on 100 keys.", DefaultValueFactory = _ => 100_000 };
        var seed = new Option<int>("--seed") { Description = "Decides the history that is generated.", DefaultValueFactory = _ => 1 };
        var command = new Command("check", "Decides whether a history is linearizable, or strictly serializable: exit code 0 if it is, 1 if not, 2 if undecided or not readable.")
            { file, seconds, model, generate, count, seed };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), () =>
        {
            var path = parsed.GetRequiredValue(file);
            if (parsed.GetValue(generate) is { } kind)
                File.WriteAllLines(path, Generator.Draw(kind, parsed.GetValue(count), parsed.GetValue(seed)));
            var records = HistoryText.Split(File.ReadAllText(path));
            return records.Take(100).Any(r => TransactionFile.Recognizes(r.Text))
                ? CheckTransactions(records, IsolationModel.Known.Append(IsolationModel.Causal).First(m => m.Name == parsed.GetValue(model)))
                : CheckOperations(path, parsed.GetValue(seconds));
        }));
        return command;
    }

    private static int Run(string file, Func<int> check)
    {
        try
        {
            return check();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{file}: {e.Message}");
            return Unknown;
        }
    }

    private static int CheckTransactions(IReadOnlyList<HistoryLine> records, IsolationModel model)
    {
        var history = TransactionFile.Read(records);
        var started = Stopwatch.GetTimestamp();
        var verdict = TransactionFile.Check(history, model);
        var took = Stopwatch.GetElapsedTime(started);
        foreach (var anomaly in verdict.Anomalies)
            Console.WriteLine(anomaly);
        if (verdict.Anomalies.Count > 0 && verdict.RuledOut.Any())
            Console.WriteLine($"What was found rules out: {string.Join(", ", verdict.RuledOut.Select(m => m.Name))}.");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{(verdict.IsValid ? "" : verdict.IsUndecided ? "undecided: " : "NOT ")}{model.Name}: {history.Count} transactions, {history.Sum(t => t.Steps.Count)} steps, {took.TotalSeconds:F1} s"));
        return verdict.IsValid ? Good : verdict.IsUndecided ? Unknown : Bad;
    }

    private static int CheckOperations(string file, int seconds)
    {
        var history = HistoryFile.Read(file);
        var started = Stopwatch.GetTimestamp();
        var limits = SearchLimits.Default with { MaxTime = TimeSpan.FromSeconds(seconds) };
        var verdict = Progress(history, onKey => HistoryFile.Check(history, limits, onKey));
        var violated = verdict.Keys.Where(k => k.Value.Result == Linearizability.Violated).ToList();
        foreach (var (key, bad) in violated)
            Console.Write(Explanation.Of(key, bad.Violation!));
        if (violated.Count > 1)
            Console.WriteLine($"{violated.Count} keys are not linearizable: {string.Join(", ", violated.Select(k => k.Key))}");
        foreach (var (key, open) in verdict.Keys.Where(k => k.Value.Result == Linearizability.Undecided))
            Console.WriteLine($"key {key}: undecided after {open.Explored} configurations");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{verdict.Result switch { Linearizability.Linearizable => "linearizable", Linearizability.Violated => "NOT linearizable", _ => "undecided" }}: {history.Operations.Count} operations on {verdict.Keys.Count} keys, {verdict.Keys.Values.Sum(k => k.Explored)} configurations, {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s"));
        return verdict.Result switch { Linearizability.Linearizable => Good, Linearizability.Violated => Bad, _ => Unknown };
    }

    private static Verdict Progress(History history, Func<Action<string, KeyVerdict>, Verdict> check)
    {
        if (Console.IsOutputRedirected)
            return check((_, _) => { });
        return AnsiConsole.Progress().Start(context =>
        {
            var task = context.AddTask("keys", maxValue: history.Operations.Select(o => o.Key).Distinct().Count());
            return check((_, _) => task.Increment(1));
        });
    }
}
