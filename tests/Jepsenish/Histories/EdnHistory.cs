using System.Text.RegularExpressions;
using RaftKv.Tests.Jepsenish.Checkers;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>Histories of strings as EDN maps, one a line: <c>{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}</c>.</summary>
public static partial class EdnHistory
{
    /// <summary>Whether a line is of this format.</summary>
    public static bool Recognizes(string line) => Line().IsMatch(line);

    /// <summary>Reads events.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line.</exception>
    public static List<HistoryEvent> Read(IEnumerable<string> lines)
    {
        var events = new List<HistoryEvent>();
        var number = 0;
        foreach (var line in lines)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            if (Line().Match(line) is not { Success: true } match)
                throw new InvalidDataException($"line {number}: not of the form {{:process 0, :type :ok, :f :get, :key \"k\", :value \"v\"}}");
            var type = match.Groups["type"].Value switch { "invoke" => EventType.Invoke, "ok" => EventType.Ok, "fail" => EventType.Fail, _ => EventType.Info };
            var function = match.Groups["f"].Value switch { "get" => Function.Read, "put" => Function.Write, _ => Function.Append };
            var value = match.Groups["value"].Value;
            events.Add(new HistoryEvent(
                type, HistoryFile.ParseProcess(match.Groups["process"].Value, number), function, match.Groups["key"].Value, value == "nil" ? null : value.Trim('"'), null, null) { Line = number });
        }
        return events;
    }

    [GeneratedRegex("""^\{:process (?<process>\d+), :type :(?<type>invoke|ok|fail|info), :f :(?<f>get|put|append), :key "(?<key>[^"]*)", :value (?<value>nil|"[^"]*"|:timed-out)\}$""")]
    private static partial Regex Line();
}
