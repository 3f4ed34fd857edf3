using RaftKv.Tests.Jepsenish.Checkers;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>What a line of a history says about an operation.</summary>
public enum EventType
{
    /// <summary>A client asks.</summary>
    Invoke,

    /// <summary>It was done.</summary>
    Ok,

    /// <summary>It was certainly not done, and will not be.</summary>
    Fail,

    /// <summary>Nobody knows.</summary>
    Info,
}

/// <summary>One line of a history. Null fields are taken from the invocation, except a read's value, where null means absent.</summary>
public readonly record struct HistoryEvent(EventType Type, long Process, Function Function, string Key, string? Value, string? Expected, long? Time)
{
    /// <summary>Whether a completion repeats its value (a read's result always counts).</summary>
    public bool HasValue { get; init; }

    /// <summary>Whether a failed compare-and-set is known to have failed because it saw another value, which constrains the order; else it constrains nothing.</summary>
    public bool SawOther { get; init; }

    /// <summary>The line that it stands on, for messages.</summary>
    public int Line { get; init; }
}

/// <summary>A history, as operations. Made from events in real-time order.</summary>
public sealed class History
{
    private readonly List<ClientOperation> _operations = [];
    private readonly Dictionary<long, (HistoryEvent Event, long Position)> _open = [];
    private readonly Dictionary<(Function, EventType), int> _counts = [];
    private long _position;

    /// <summary>The operations that constrain anything.</summary>
    public IReadOnlyList<ClientOperation> Operations => _operations;

    /// <summary>How often each kind of operation ended in each way.</summary>
    public IReadOnlyDictionary<(Function Function, EventType Outcome), int> Counts => _counts;

    /// <summary>Pairs events to operations. When every event carries its time, time orders them; else their place does.</summary>
    /// <exception cref="InvalidDataException">A completion without an invocation, or of another operation than was invoked; the sentence names the line.</exception>
    public static History From(IReadOnlyList<HistoryEvent> events)
    {
        var history = new History();
        foreach (var item in events.All(e => e.Time is not null) ? events.OrderBy(e => e.Time) : (IEnumerable<HistoryEvent>)events)
            history.Add(item);
        foreach (var (invoked, position) in history._open.Values)
            history.Close(invoked, position, EventType.Info, null, null);
        history._open.Clear();
        return history;
    }

    private void Add(HistoryEvent item)
    {
        var position = _position++;
        if (item.Type == EventType.Invoke)
        {
            // A process does one thing at a time: whatever it had open before ended without its noticing.
            if (_open.Remove(item.Process, out var abandoned))
                Close(abandoned.Event, abandoned.Position, EventType.Info, null, null);
            _open.Add(item.Process, (item, position));
            return;
        }
        if (!_open.Remove(item.Process, out var open))
            throw new InvalidDataException($"line {item.Line}: process {item.Process} completes an operation that it did not invoke");
        if (open.Event.Function != item.Function)
            throw new InvalidDataException($"line {item.Line}: process {item.Process} completes a {item.Function}, it invoked a {open.Event.Function} (line {open.Event.Line})");
        Close(open.Event, open.Position, item.Type, item, position);
    }

    private void Close(HistoryEvent invoked, long position, EventType outcome, HistoryEvent? completion, long? completedAt)
    {
        _counts[(invoked.Function, outcome)] = _counts.GetValueOrDefault((invoked.Function, outcome)) + 1;
        var sawOther = outcome == EventType.Fail && completion is { SawOther: true };
        if ((outcome == EventType.Fail && !sawOther) || (outcome == EventType.Info && invoked.Function == Function.Read))
            return;
        var isRead = invoked.Function == Function.Read;
        _operations.Add(new ClientOperation
        {
            Process = invoked.Process,
            Key = invoked.Key,
            Function = sawOther ? Function.SawOther : invoked.Function,
            Value = isRead ? completion?.Value : completion is { HasValue: true, Type: EventType.Ok } done ? done.Value : invoked.Value,
            Expected = completion is { HasValue: true, Type: EventType.Ok } again ? again.Expected : invoked.Expected,
            Invoked = position,
            Completed = outcome == EventType.Ok || sawOther ? completedAt!.Value : ClientOperation.Never,
            InvokedAt = invoked.Time,
            CompletedAt = outcome == EventType.Ok || sawOther ? completion?.Time : null,
        });
    }
}
