using System.Text.RegularExpressions;
using RaftKv.Tests.Jepsenish.Checkers;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>Histories as Jepsen logs them, of one register: <c>INFO  jepsen.util - 3	:ok	:cas	[1 4]</c>. Other log lines are ignored.</summary>
public static partial class JepsenLog
{
    /// <summary>Whether a line is of this format.</summary>
    public static bool Recognizes(string line) => Line().IsMatch(line);

    /// <summary>Reads events. A compare-and-set that failed did so because it saw another value.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line.</exception>
    public static List<HistoryEvent> Read(IEnumerable<HistoryLine> lines)
    {
        var events = new List<HistoryEvent>();
        foreach (var (line, number) in lines)
        {
            if (Line().Match(line) is not { Success: true } match)
                continue;
            var type = match.Groups["type"].Value switch { "invoke" => EventType.Invoke, "ok" => EventType.Ok, "fail" => EventType.Fail, _ => EventType.Info };
            var function = match.Groups["f"].Value switch { "read" => Function.Read, "write" => Function.Write, _ => Function.CompareAndSet };
            var (value, expected) = Values(match.Groups["value"].Value.Trim());
            events.Add(new HistoryEvent(type, HistoryFile.ParseProcess(match.Groups["process"].Value, number), function, "register", value, expected, null)
                { Line = number, SawOther = function == Function.CompareAndSet });
        }
        return events;
    }

    private static (string? Value, string? Expected) Values(string text)
    {
        if (Pair().Match(text) is { Success: true } pair)
            return (pair.Groups[2].Value, pair.Groups[1].Value);
        return (text is "nil" or ":timed-out" ? null : text, null);
    }

    [GeneratedRegex(@"jepsen\.util - (?<process>\d+)\s+:(?<type>invoke|ok|fail|info)\s+:(?<f>read|write|cas)\s+(?<value>.*)$")]
    private static partial Regex Line();

    [GeneratedRegex(@"^\[(\S+)\s+(\S+)\]$")]
    private static partial Regex Pair();
}
