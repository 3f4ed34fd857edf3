using System.Globalization;
using RaftKv.Tests.Jepsenish.Checkers;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>
/// Histories as EDN maps: <c>{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}</c>, with read (or get), write (or put), cas of [old new], and append; without a key it is one for all.
/// Further fields are passed over, and so is what the nemesis does.
/// </summary>
public static class EdnHistory
{
    /// <summary>Whether a record is of this format.</summary>
    public static bool Recognizes(string record) => record.StartsWith('{') && record.AsSpan(1).TrimStart().StartsWith(":");

    /// <summary>Reads events.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line.</exception>
    public static List<HistoryEvent> Read(IEnumerable<HistoryLine> records)
    {
        var events = new List<HistoryEvent>();
        foreach (var (text, line) in records)
        {
            if (Parse(text, line) is { } item)
                events.Add(item);
        }

        return events;
    }

    private static HistoryEvent? Parse(string text, int line)
    {
        var map = Map(text, line);
        if (Text(map.GetValueOrDefault(":process")) == ":nemesis")
            return null;
        if (map.GetValueOrDefault(":process") is not (long and >= 0 and var process))
            throw new InvalidDataException($"line {line}: the process {Text(map.GetValueOrDefault(":process")) ?? "nil"} is no number from 0 to {long.MaxValue}");
        var type = Text(map.GetValueOrDefault(":type")) switch
        {
            ":invoke" => EventType.Invoke,
            ":ok" => EventType.Ok,
            ":fail" => EventType.Fail,
            ":info" => EventType.Info,
            var other => throw new InvalidDataException($"line {line}: :type must be :invoke, :ok, :fail or :info, it is {other ?? "nil"}"),
        };
        var function = Text(map.GetValueOrDefault(":f")) switch
        {
            ":get" or ":read" => Function.Read,
            ":put" or ":write" => Function.Write,
            ":append" => Function.Append,
            ":cas" => Function.CompareAndSet,
            var other => throw new InvalidDataException($"line {line}: :f must be :read, :write, :cas or :append, it is {other ?? "nil"}"),
        };
        var value = map.GetValueOrDefault(":value");
        var expected = default(object);
        if (function == Function.CompareAndSet && value is List<object?> { Count: 2 } pair)
            (expected, value) = (pair[0], pair[1]);
        else if (function == Function.CompareAndSet && type is EventType.Invoke or EventType.Ok)
            throw new InvalidDataException($"line {line}: the :value of a cas must be [old new]");
        var repeats = function == Function.CompareAndSet && type == EventType.Ok;
        return new HistoryEvent(type, process, function, Text(map.GetValueOrDefault(":key")) ?? "", Text(value), Text(expected), map.GetValueOrDefault(":time") as long?) { HasValue = repeats, Line = line };
    }

    private static Dictionary<string, object?> Map(string text, int line)
    {
        try
        {
            return Edn.Parse(text) as Dictionary<string, object?> ?? throw new InvalidDataException($"line {line}: not of the form {{:process 0, :type :ok, :f :read, :key \"k\", :value \"v\"}}");
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"line {line}: not an EDN map: {e.Message}", e);
        }
    }

    // Numbers and strings of the same letters are one value: what was written as a number may be read as the text that a store made of it.
    private static string? Text(object? value) => value is List<object?> list ? $"[{string.Join(' ', list.Select(v => Text(v) ?? "nil"))}]" : Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : value as string;
}
