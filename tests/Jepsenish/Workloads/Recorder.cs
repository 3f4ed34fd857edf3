using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Nemesis;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>
/// Collects what all clients see, in one order with times that never go back. Thread-safe.
/// Invariant: an event is recorded before its request is sent or after its reply arrived, so that the recorded interval contains the real one.
/// </summary>
internal sealed class Recorder
{
    private readonly Lock _gate = new();
    private readonly List<HistoryEvent> _events = [];
    private readonly SortedDictionary<string, int> _outcomes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _refusals = new(StringComparer.Ordinal);
    private readonly List<long> _acknowledged = [RealTime.Now];
    private long _longestGap;

    /// <summary>The events so far.</summary>
    public IReadOnlyList<HistoryEvent> Events
    {
        get
        {
            lock (_gate)
                return [.. _events];
        }
    }

    /// <summary>How many operations of each kind ended in each way.</summary>
    public IReadOnlyDictionary<string, int> Outcomes => _outcomes;

    /// <summary>The first words of the errors that servers sent, and how often.</summary>
    public IReadOnlyDictionary<string, int> Refusals => _refusals;

    /// <summary>The longest time in which no client had a write acknowledged.</summary>
    public TimeSpan LongestUnavailability
    {
        get
        {
            lock (_gate)
                return TimeSpan.FromMicroseconds(_longestGap / 1000.0);
        }
    }

    /// <summary>How long after a moment the next write was acknowledged; null if none was.</summary>
    public TimeSpan? FirstAcknowledgedAfter(long moment)
    {
        lock (_gate)
        {
            var at = _acknowledged.BinarySearch(moment);
            at = at < 0 ? ~at : at;
            return at == _acknowledged.Count ? null : TimeSpan.FromMicroseconds((_acknowledged[at] - moment) / 1000.0);
        }
    }

    /// <summary>Adds an event to the history.</summary>
    public void Add(EventType type, long process, Function function, string key, string? value, string? expected = null)
    {
        lock (_gate)
        {
            _events.Add(new HistoryEvent(type, process, function, key, JsonHistory.Value(value), JsonHistory.Value(expected), RealTime.Now) { HasValue = true });
        }
        if (type != EventType.Invoke)
            Count(function.ToString(), type);
    }

    /// <summary>Counts an operation's end; for those that have no place in the history, all there is.</summary>
    public void Count(string kind, EventType outcome)
    {
        lock (_gate)
        {
            var name = $"{kind} {outcome}".ToLowerInvariant();
            _outcomes[name] = _outcomes.GetValueOrDefault(name) + 1;
            if (outcome == EventType.Ok && kind != nameof(Function.Read))
            {
                var now = RealTime.Now;
                _longestGap = Math.Max(_longestGap, now - _acknowledged[^1]);
                _acknowledged.Add(now);
            }
        }
    }

    /// <summary>
    /// What an error reply to a write means: CLUSTERDOWN, TRYAGAIN and EXECABORT promise that nothing happened; anything else, UNKNOWN above all, promises nothing.
    /// </summary>
    public EventType Judge(RespReply error)
    {
        lock (_gate)
            _refusals[error.ErrorCode] = _refusals.GetValueOrDefault(error.ErrorCode) + 1;
        return error.ErrorCode is "CLUSTERDOWN" or "TRYAGAIN" or "EXECABORT" ? EventType.Fail : EventType.Info;
    }
}
