using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Checkers.Transactions;
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
    public List<Transaction> Transactions { get; } = [];

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
