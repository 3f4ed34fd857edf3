using System.Globalization;
using RaftKv.Tests.Jepsenish.Checkers;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>A history in a file, of any of the formats: JSON, or what Jepsen logs of a register, or EDN maps. The first record decides.</summary>
public static class HistoryFile
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line.</exception>
    public static History Read(string path)
    {
        var records = HistoryText.Split(File.ReadAllText(path));
        return History.From(
            records is [var first, ..] && EdnHistory.Recognizes(first.Text) ? EdnHistory.Read(records)
            : records.Take(100).Any(r => JepsenLog.Recognizes(r.Text)) ? JepsenLog.Read(records)
            : JsonHistory.Read(records));
    }

    /// <summary>The number of a process as a text history gives it.</summary>
    /// <exception cref="InvalidDataException">It is none, or too large.</exception>
    internal static long ParseProcess(string digits, int line) => long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var process)
        ? process
        : throw new InvalidDataException($"line {line}: the process {digits} is no number from 0 to {long.MaxValue}");

    /// <summary>Checks a history against what its operations are about: strings if anything is appended, else registers.</summary>
    /// <exception cref="InvalidDataException">It appends and compares: no one object does both.</exception>
    public static Verdict Check(History history, SearchLimits? limits = null, Action<string, KeyVerdict>? onKey = null)
    {
        var appends = history.Counts.Keys.Any(c => c.Function == Function.Append);
        if (appends && history.Counts.Keys.Any(c => c.Function == Function.CompareAndSet))
            throw new InvalidDataException("the history has both append and cas: check them apart");
        return LinearizabilityChecker.Check(history.Operations, o => appends ? new AppendModel(o) : new RegisterModel(o), limits, onKey);
    }
}
