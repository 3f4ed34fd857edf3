namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Histories drawn from a seed: clients of a correct object, some outcomes lost, and sometimes one returned value falsified.</summary>
internal static class RandomHistory
{
    /// <summary>How to draw.</summary>
    /// <param name="Operations">Number of operations, those of unknown outcome included.</param>
    /// <param name="Processes">How many clients are busy at a time.</param>
    /// <param name="Values">How many different values are written; 0 for all different.</param>
    /// <param name="Unknown">Share of writes whose outcome is lost.</param>
    /// <param name="Append">Strings instead of registers.</param>
    public sealed record Shape(int Operations, int Processes, int Values, double Unknown, bool Append = false);

    /// <summary>Draws the history of one key.</summary>
    public static List<ClientOperation> Draw(Random random, Shape shape, string key = "k")
    {
        var done = new List<ClientOperation>();
        var open = new List<(ClientOperation Operation, bool Applied, bool Refused)>();
        string? state = shape.Append ? "" : null;
        var position = 0L;
        var process = 0L;
        var started = 0;
        while (started < shape.Operations || open.Count > 0)
        {
            var action = random.Next(3);
            if (action == 0 && started < shape.Operations && open.Count < shape.Processes)
            {
                open.Add((Ask(random, shape, key, process++, position++, started++), false, false));
            }
            else if (action == 1 && open.FindIndex(o => !o.Applied) is var i and >= 0)
            {
                i = PickNotApplied(random, open);
                var (operation, _, _) = open[i];
                var refused = operation.Function == Function.CompareAndSet && operation.Expected != state;
                if (operation.Function == Function.Read)
                    operation = operation with { Value = state };
                else if (!refused)
                    state = operation.Function == Function.Append ? state + operation.Value : operation.Value;
                open[i] = (operation, true, refused);
            }
            else if (action == 2 && open.Count > 0)
            {
                var at = random.Next(open.Count);
                var (operation, applied, refused) = open[at];
                var lost = operation.Function != Function.Read && random.NextDouble() < shape.Unknown;
                if (!applied && !lost)
                    continue;
                open.RemoveAt(at);
                if (lost)
                    done.Add(operation);
                else if (!refused)
                    done.Add(operation with { Completed = position++ });
            }
        }
        return done;
    }

    /// <summary>Replaces what one read returned; null if there is none.</summary>
    public static List<ClientOperation>? Falsify(Random random, List<ClientOperation> history)
    {
        var reads = Enumerable.Range(0, history.Count).Where(i => history[i].Function == Function.Read).ToList();
        if (reads.Count == 0)
            return null;
        var copy = history.ToList();
        var at = reads[random.Next(reads.Count)];
        copy[at] = copy[at] with { Value = history[random.Next(history.Count)].Value };
        return copy;
    }

    private static int PickNotApplied(Random random, List<(ClientOperation Operation, bool Applied, bool Refused)> open)
    {
        int at;
        do
            at = random.Next(open.Count);
        while (open[at].Applied);
        return at;
    }

    private static ClientOperation Ask(Random random, Shape shape, string key, long process, long position, int number)
    {
        string Value() => shape.Values == 0 ? $"v{number}" : $"{random.Next(shape.Values)}";
        var draw = random.Next(10);
        var function = draw < 4 ? Function.Read : shape.Append ? draw < 9 ? Function.Append : Function.Write : draw < 7 ? Function.Write : Function.CompareAndSet;
        return new ClientOperation
        {
            Process = process,
            Key = key,
            Function = function,
            Invoked = position,
            Value = function == Function.Read ? null : Value(),
            Expected = function != Function.CompareAndSet ? null : shape.Values == 0 ? $"v{random.Next(number + 1)}" : $"{random.Next(shape.Values)}",
        };
    }
}
