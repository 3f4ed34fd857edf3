using System.Globalization;
using System.Text;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Says in words, and with a timeline, why a history is not linearizable.</summary>
public static class Explanation
{
    private const int Columns = 64;
    private const int Context = 12;

    /// <summary>Explains one key's violation.</summary>
    public static string Of(string key, Violation violation)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"key {key} is not linearizable.");
        text.AppendLine(CultureInfo.InvariantCulture, $"  Up to {Where(violation.Stuck)} its {violation.Prefix.Count} completed operations have an order that explains them.");
        text.AppendLine(CultureInfo.InvariantCulture, $"  Then process {violation.Stuck.Process} completes: {violation.Stuck}. With it, no order explains them all.");
        text.AppendLine(CultureInfo.InvariantCulture, $"  The end of one order of what came before; the value is then {violation.State}:");
        foreach (var operation in violation.Order.TakeLast(Context))
            text.AppendLine(CultureInfo.InvariantCulture, $"    {Line(operation)}");
        text.AppendLine("  In time, what completed last and what was open; >> cannot be placed:");
        Timeline(text, [.. violation.Prefix.TakeLast(Context), .. violation.Open], violation.Stuck);
        return text.ToString();
    }

    private static void Timeline(StringBuilder text, List<ClientOperation> operations, ClientOperation stuck)
    {
        var shown = operations.Distinct().OrderBy(o => o.Invoked).ToList();
        var positions = shown.Select(o => o.Invoked).Concat(shown.Select(o => Math.Min(o.Completed, stuck.Completed + 1))).Distinct().Order().ToList();
        int Column(long position) => positions.BinarySearch(Math.Min(position, positions[^1])) * (Columns - 1) / Math.Max(1, positions.Count - 1);
        foreach (var operation in shown)
        {
            var (from, to) = (Column(operation.Invoked), Column(operation.Completed));
            var bar = new string(' ', from) + '|' + new string('-', Math.Max(0, to - from - 1)) + (to > from ? operation.Completed > stuck.Completed ? ">" : "|" : "");
            text.AppendLine(CultureInfo.InvariantCulture, $"  {(operation == stuck ? ">>" : "  ")} {bar,-Columns} {Line(operation)}");
        }
    }

    private static string Line(ClientOperation operation) => $"process {operation.Process}: {operation}  [{Where(operation)}]";

    private static string Where(ClientOperation operation) => operation switch
    {
        { InvokedAt: { } from, CompletedAt: { } to } => string.Create(CultureInfo.InvariantCulture, $"{from / 1e9:F6} s .. {to / 1e9:F6} s"),
        { InvokedAt: { } from } => string.Create(CultureInfo.InvariantCulture, $"{from / 1e9:F6} s .."),
        { IsUnknown: true } => $"event {operation.Invoked} ..",
        _ => $"event {operation.Invoked} .. {operation.Completed}",
    };
}
