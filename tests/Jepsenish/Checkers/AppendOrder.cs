namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// Decides a key that was only appended to and read, where every appended text was unique and of one form (it ends at the separator) and the last read saw the end: the value itself is the order
/// of the appends, so that nothing has to be searched for. Each append in it once, none that failed, each acknowledged one; each read a beginning of it; and nothing against real time.
/// </summary>
internal static class AppendOrder
{
    /// <summary>What is wrong, in a sentence; null when the history is linearizable.</summary>
    /// <param name="operations">The key's operations; those of unknown outcome may or may not have happened.</param>
    /// <param name="separator">The last character of every appended text, in no other place.</param>
    public static string? Check(IReadOnlyList<ClientOperation> operations, char separator)
    {
        var final = operations.Where(o => o.Function == Function.Read && !o.IsUnknown).Select(o => o.Value ?? "").MaxBy(v => v.Length) ?? "";
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var ends = new Dictionary<int, int> { [0] = 0 };
        for (var start = 0; start < final.Length;)
        {
            var end = final.IndexOf(separator, start) + 1;
            if (end == 0)
                return $"the value ends within an append: {final[start..]}";
            if (!places.TryAdd(final[start..end], places.Count + 1))
                return $"{final[start..end]} was appended twice";
            ends[end] = places.Count;
            start = end;
        }

        var asked = operations.Where(o => o.Function == Function.Append).Select(o => o.Value!).ToHashSet(StringComparer.Ordinal);
        if (places.Keys.FirstOrDefault(t => !asked.Contains(t)) is { } foreign)
            return $"{foreign} is in the value; its append failed, or nobody asked for it";
        return CheckRealTime(operations, final, places, ends);
    }

    private static string? CheckRealTime(IReadOnlyList<ClientOperation> operations, string final, Dictionary<string, int> places, Dictionary<int, int> ends)
    {
        var placed = new List<(ClientOperation Operation, int Place)>();
        foreach (var operation in operations)
        {
            if (operation.Function == Function.Append)
            {
                if (places.TryGetValue(operation.Value!, out var place))
                    placed.Add((operation, 2 * place));
                else if (!operation.IsUnknown)
                    placed.Add((operation, int.MaxValue)); // acknowledged, and no later read may exist
            }
            else if (!operation.IsUnknown)
            {
                var value = operation.Value ?? "";
                if (!final.StartsWith(value, StringComparison.Ordinal) || !ends.TryGetValue(value.Length, out var length))
                    return $"{operation} of process {operation.Process} is no beginning of {ClientOperation.Show(final)}";
                placed.Add((operation, (2 * length) + 1));
            }
        }

        // Whatever was complete before an operation began stands before it.
        var completed = new PriorityQueue<(ClientOperation Operation, int Place), long>();
        (ClientOperation Operation, int Place)? last = null;
        foreach (var next in placed.OrderBy(p => p.Operation.Invoked))
        {
            while (completed.TryPeek(out var done, out var at) && at < next.Operation.Invoked)
            {
                completed.Dequeue();
                if (last is null || done.Place > last.Value.Place)
                    last = done;
            }

            if (last is { } before && before.Place > next.Place)
                return $"{next.Operation} of process {next.Operation.Process} (positions {next.Operation.Invoked}-{next.Operation.Completed}) has no place behind {before.Operation} of process {before.Operation.Process} (positions {before.Operation.Invoked}-{before.Operation.Completed}), which was complete when it began";
            if (!next.Operation.IsUnknown)
                completed.Enqueue(next, next.Operation.Completed);
        }

        return null;
    }
}
