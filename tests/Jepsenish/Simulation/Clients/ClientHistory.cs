using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>What clients asked and saw, in one order of positions.</summary>
internal sealed class ClientHistory(Scheduler scheduler)
{
    private readonly List<ClientOperation> _operations = [];
    private readonly SortedDictionary<string, int> _outcomes = new(StringComparer.Ordinal);
    private long _position;

    /// <summary>Operations on single keys that constrain anything.</summary>
    public IReadOnlyList<ClientOperation> Operations => _operations;

    /// <summary>How many ended how.</summary>
    public IReadOnlyDictionary<string, int> Outcomes => _outcomes;

    /// <summary>Operations that were done.</summary>
    public int Done { get; private set; }

    /// <summary>Lists that were appended to in transactions, and read.</summary>
    public List<ListTransaction> Transactions { get; } = [];

    /// <summary>A new place in the order, for an event.</summary>
    public long Position() => ++_position;

    /// <summary>Notes how an operation ended.</summary>
    public void Count(string kind, EventType outcome)
    {
        var name = $"{kind} {outcome}".ToLowerInvariant();
        _outcomes[name] = _outcomes.GetValueOrDefault(name) + 1;
        if (outcome == EventType.Ok)
            Done++;
    }

    /// <summary>An operation on one key is over, or nobody will ever know.</summary>
    public void Add(long process, string key, Function function, string? value, string? expected, (long Position, long Time) invoked, EventType outcome)
    {
        Count(function.ToString(), outcome);
        if (outcome == EventType.Fail || (outcome == EventType.Info && function == Function.Read))
            return;
        _operations.Add(new ClientOperation
        {
            Process = process,
            Key = key,
            Function = function,
            Value = value,
            Expected = expected,
            Invoked = invoked.Position,
            Completed = outcome == EventType.Ok ? Position() : ClientOperation.Never,
            InvokedAt = invoked.Time,
            CompletedAt = outcome == EventType.Ok ? scheduler.Now : null,
        });
    }

    /// <summary>The beginning of an operation.</summary>
    public (long Position, long Time) Invoke() => (Position(), scheduler.Now);
}

/// <summary>A transaction on lists: what it appended and read, in order.</summary>
/// <param name="Process">The client.</param>
/// <param name="Steps">For each, the list's key, the value appended or null for a read, and what a read saw.</param>
/// <param name="Invoked">Position of its beginning.</param>
/// <param name="Completed">Position of its end; <see cref="ClientOperation.Never"/> when its outcome is unknown.</param>
internal sealed record ListTransaction(long Process, IReadOnlyList<ListStep> Steps, long Invoked, long Completed);

/// <summary>A step of a <see cref="ListTransaction"/>.</summary>
internal sealed record ListStep(string Key, int? Appended, IReadOnlyList<int>? Read);
