using RaftKv.Tests.Jepsenish.Checkers.Transactions;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>One line of a history of transactions. A completion's steps, if it has any, count instead of the invocation's: they have what was read.</summary>
public readonly record struct TransactionEvent(EventType Type, long Process, IReadOnlyList<MicroOperation>? Steps, long? Time, int Line);

/// <summary>Pairs events to transactions, as <see cref="History"/> does for operations.</summary>
public static class TransactionHistory
{
    /// <summary>Pairs events to transactions. When every event carries its time, time orders them; else their place does.</summary>
    /// <exception cref="InvalidDataException">A completion without an invocation; the sentence names the line.</exception>
    public static List<Transaction> From(IReadOnlyList<TransactionEvent> events)
    {
        var history = new List<Transaction>();
        var open = new Dictionary<long, (TransactionEvent Event, long Position)>();
        var position = 0L;
        foreach (var item in events.All(e => e.Time is not null) ? events.OrderBy(e => e.Time) : (IEnumerable<TransactionEvent>)events)
        {
            var found = open.Remove(item.Process, out var invoked);
            if (item.Type == EventType.Invoke)
            {
                // A process does one thing at a time: whatever it had open before ended without its noticing.
                if (found)
                    history.Add(Close(invoked, null, Transaction.Never));
                open.Add(item.Process, (item, position++));
                continue;
            }
            if (!found)
                throw new InvalidDataException($"line {item.Line}: process {item.Process} completes a transaction that it did not invoke");
            history.Add(Close(invoked, item, position++));
        }
        history.AddRange(open.Values.Select(o => Close(o, null, Transaction.Never)));
        return [.. history.OrderBy(t => t.Invoked)];
    }

    private static Transaction Close((TransactionEvent Event, long Position) invoked, TransactionEvent? completion, long completed)
    {
        var outcome = completion?.Type switch { EventType.Ok => Outcome.Committed, EventType.Fail => Outcome.Aborted, _ => Outcome.Unknown };
        return new Transaction
        {
            Process = invoked.Event.Process,
            Outcome = outcome,
            Steps = (outcome == Outcome.Committed ? completion?.Steps : null) ?? invoked.Event.Steps ?? [],
            Invoked = invoked.Position,
            Completed = outcome == Outcome.Unknown ? Transaction.Never : completed,
        };
    }
}
