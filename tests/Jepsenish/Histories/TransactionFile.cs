using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using RaftKv.Tests.Jepsenish.Checkers.Transactions;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>
/// Histories of transactions in files, of three formats. JSON lines: <c>{"process":0,"type":"invoke|ok|fail|info","f":"txn","value":[["append","k",1],["r","k",null]],"time":ns}</c>, with "w" for
/// registers. The same as EDN maps, as Jepsen writes them, where <c>:f</c> may be absent. And <c>r|w(key,value,session,transaction)</c> of registers, one step a line, with transaction -1 for aborted.
/// A read of null in a committed transaction found nothing: the empty list, or an absent register.
/// </summary>
public static partial class TransactionFile
{
    /// <summary>Whether a record is of a file of transactions.</summary>
    public static bool Recognizes(string line) => Step().IsMatch(line) || JsonLine().IsMatch(line) || EdnLine().IsMatch(line);

    /// <summary>Reads a file's lines.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line.</exception>
    public static List<Transaction> Read(IEnumerable<string> lines) => Read(HistoryText.Number(lines));

    /// <summary>Reads records.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line.</exception>
    public static List<Transaction> Read(IReadOnlyList<HistoryLine> records)
    {
        var first = records is [var record, ..] ? record.Text : "";
        return Step().IsMatch(first) ? ReadSteps(records) : TransactionHistory.From(ReadEvents(records, EdnHistory.Recognizes(first.TrimStart())));
    }

    /// <summary>Judges transactions, of lists or of registers.</summary>
    /// <exception cref="InvalidDataException">They are of neither, or values are not unique, or the model does not fit.</exception>
    public static TransactionVerdict Check(IReadOnlyList<Transaction> history, IsolationModel? model = null)
    {
        if (!IsOfLists(history))
            return RegisterTransactionChecker.Check(history, model);
        if (model == IsolationModel.Causal)
            throw new InvalidDataException("histories of lists are not held against causal consistency; use another model");
        return ListAppendChecker.Check(history, model);
    }

    /// <summary>Writes transactions as JSON lines, in order of events.</summary>
    public static IEnumerable<string> Write(IReadOnlyList<Transaction> history)
    {
        var events = new List<(long Position, Transaction Transaction, string Type)>();
        foreach (var t in history)
        {
            events.Add((t.Invoked, t, "invoke"));
            if (t.Completed != Transaction.Never)
                events.Add((t.Completed, t, t.Outcome == Outcome.Committed ? "ok" : "fail"));
        }
        return events.OrderBy(e => e.Position).Select(e => JsonSerializer.Serialize(new
        {
            process = e.Transaction.Process,
            type = e.Type,
            f = "txn",
            value = e.Transaction.Steps.Select(s => new object?[] { Name(s.Kind), s.Key, e.Type == "invoke" && s.Kind == MicroKind.Read ? null : s.List ?? (object?)s.Value }),
        }));
    }

    private static string Name(MicroKind kind) => kind switch { MicroKind.Read => "r", MicroKind.Write => "w", _ => "append" };

    private static bool IsOfLists(IReadOnlyList<Transaction> history)
    {
        var steps = history.SelectMany(t => t.Steps).ToList();
        return steps.Exists(s => s.Kind == MicroKind.Append) || !steps.Exists(s => s.Kind == MicroKind.Write || (s.List is null && s.Value is not null));
    }

    // ---- lines of events

    private static List<TransactionEvent> ReadEvents(IReadOnlyList<HistoryLine> records, bool isEdn)
    {
        var parsed = new List<(Dictionary<string, object?> Map, int Line)>();
        foreach (var (text, line) in records)
        {
            try
            {
                parsed.Add((isEdn ? EdnMap(text) : JsonMap(text), line));
            }
            catch (Exception e) when (e is FormatException or JsonException)
            {
                throw new InvalidDataException($"line {line}: not {(isEdn ? "an EDN map" : "a JSON object")}: {e.Message}", e);
            }
        }
        var registers = parsed.Exists(p => p.Map.GetValueOrDefault("value") is List<object?> steps && steps.Exists(s => s is List<object?> { Count: 3 } step && Text(step[0]) is "w" or "write"));
        return [.. parsed.Where(p => Text(p.Map.GetValueOrDefault("process")) != "nemesis").Select(p => Event(p.Map, p.Line, registers))];
    }

    private static TransactionEvent Event(Dictionary<string, object?> map, int line, bool registers)
    {
        if (map.GetValueOrDefault("process") is not long process)
            throw new InvalidDataException($"line {line}: \"process\" must be a whole number");
        var type = Text(map.GetValueOrDefault("type")) switch
        {
            "invoke" => EventType.Invoke,
            "ok" => EventType.Ok,
            "fail" => EventType.Fail,
            "info" => EventType.Info,
            var other => throw new InvalidDataException($"line {line}: \"type\" must be invoke, ok, fail or info, it is {other}"),
        };
        var steps = map.GetValueOrDefault("value") switch
        {
            List<object?> list => list.Select(s => Micro(s, type == EventType.Ok, line, registers)).ToList(),
            null when type != EventType.Invoke => null,
            _ => throw new InvalidDataException($"line {line}: the \"value\" of a transaction must be a list of steps like [\"append\",\"k\",1]"),
        };
        return new TransactionEvent(type, process, steps, map.GetValueOrDefault("time") as long?, line);
    }

    private static MicroOperation Micro(object? step, bool isDone, int line, bool registers)
    {
        if (step is not List<object?> { Count: 3 } parts)
            throw new InvalidDataException($"line {line}: a step must be a function, a key and a value");
        var key = Text(parts[1]);
        switch (Text(parts[0]))
        {
            case "append" when parts[2] is not (null or List<object?>):
                return MicroOperation.Append(key, Text(parts[2]));
            case "w" or "write" when parts[2] is not (null or List<object?>):
                return new MicroOperation(MicroKind.Write, key, Text(parts[2]), null);
            case "r" or "read" when parts[2] is List<object?> list:
                return MicroOperation.Read(key, [.. list.Select(Text)]);
            case "r" or "read" when registers || parts[2] is not null:
                return new MicroOperation(MicroKind.Read, key, parts[2] is null ? null : Text(parts[2]), null);
            case "r" or "read":
                return MicroOperation.Read(key, isDone ? [] : null);
            default:
                throw new InvalidDataException($"line {line}: a step must be [\"append\",key,element], [\"r\",key,list] or [\"w\",key,value], it is [{Text(parts[0])} {key} {(parts[2] is List<object?> ? "a list" : Text(parts[2]))}]");
        }
    }

    // ---- values: null, numbers, text, lists

    private static Dictionary<string, object?> EdnMap(string line) =>
        Edn.Parse(line) is Dictionary<string, object?> map ? map.ToDictionary(m => m.Key.TrimStart(':'), m => m.Value) : throw new FormatException("it is another value");

    private static Dictionary<string, object?> JsonMap(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => Value(p.Value))
            : throw new FormatException("it is another value");
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number when element.TryGetInt64(out var number) => number,
        JsonValueKind.Array => element.EnumerateArray().Select(Value).ToList(),
        _ => element.GetRawText(),
    };

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture)!.TrimStart(':');

    // ---- steps, one a line

    private static List<Transaction> ReadSteps(IReadOnlyList<HistoryLine> records)
    {
        var history = new List<Transaction>();
        var last = ("", "");
        foreach (var (text, line) in records)
        {
            if (Step().Match(text) is not { Success: true } match)
                throw new InvalidDataException($"line {line}: not of the form r(key,value,session,transaction)");
            var of = (match.Groups["session"].Value, match.Groups["transaction"].Value);
            var step = new MicroOperation(match.Groups["f"].Value == "r" ? MicroKind.Read : MicroKind.Write, match.Groups["key"].Value, match.Groups["value"].Value, null);
            if (of == last)
            {
                history[^1] = history[^1] with { Steps = [.. history[^1].Steps, step] };
                continue;
            }
            last = of;
            history.Add(new Transaction
            {
                Process = long.Parse(of.Item1, CultureInfo.InvariantCulture),
                Outcome = of.Item2 == "-1" ? Outcome.Aborted : Outcome.Committed,
                Steps = [step],
                Invoked = 2 * history.Count,
                Completed = (2 * history.Count) + 1,
            });
        }
        return history;
    }

    [GeneratedRegex(@"^\s*(?<f>[rw])\((?<key>-?\d+),(?<value>-?\d+),(?<session>-?\d+),(?<transaction>-?\d+)\)\s*$")]
    private static partial Regex Step();

    [GeneratedRegex("""^\s*\{.*"f"\s*:\s*":?txn".*\}\s*$""", RegexOptions.Singleline)]
    private static partial Regex JsonLine();

    [GeneratedRegex(@"^\s*\{\s*:.*:value\s*\[\s*\[.*\}\s*$", RegexOptions.Singleline)]
    private static partial Regex EdnLine();
}
