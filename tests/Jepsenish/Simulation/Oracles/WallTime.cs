using RaftKv.Engine;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// What wall clocks may do to a time to live: nothing, but for the rate at which a log's time follows them, unless a leader had to begin that time anew because nobody who ran had kept it. Then it
/// believes what a majority's clocks show (docs/ARCHITECTURE.md, time).
/// </summary>
internal sealed class WallTime
{
    private const long HalfAMinute = 30_000, Hour = 3_600_000;

    private readonly Cluster _cluster;
    private long _least = long.MaxValue;
    private long _most = long.MinValue;
    private long _begunAt = long.MinValue;
    private bool _wasEvicted;

    public WallTime(Cluster cluster)
    {
        _cluster = cluster;
        Note();
    }

    /// <summary>The most by which the time that a majority's clocks had reached can have been wrong at one moment and right at another, nanoseconds.</summary>
    private long Swing => (_most - _least) * Millisecond;

    /// <summary>Wall clocks were set.</summary>
    public void Note()
    {
        // Of any majority that may be all that is known: the least that one can have reached, and the most.
        var errors = _cluster.Machines.Select(m => m.Clock.Error).Order().ToList();
        var majority = (errors.Count / 2) + 1;
        (_least, _most) = (Math.Min(_least, errors[0]), Math.Max(_most, errors[^majority]));
    }

    /// <summary>A rare place was reached in a node.</summary>
    public void OnMarker(string marker) => _wasEvicted |= marker == Sometimes.SessionEvicted;

    /// <summary>A leader has begun the time of a log.</summary>
    public void OnBegun() => _begunAt = _cluster.Scheduler.Now;

    /// <summary>The earliest time at which a key may be gone that was asked for at <paramref name="asked"/> and was to live for <paramref name="life"/>.</summary>
    public long EarliestEnd(long asked, long life)
    {
        // One per cent to follow wall clocks, and the drift of two monotonic clocks; expiry is cut to milliseconds.
        var early = (life * 12 / 1000) + (life / 1_000_000 * 3 * _cluster.Options.DriftPerMillion) + (2 * Millisecond);
        // Reports may be late, or not come at all when a leader begins: then the next one to begin makes good what was lost, which is no more than the run has taken.
        return asked + life - early - (_begunAt >= asked ? Swing + _cluster.Scheduler.Now : 0);
    }

    /// <summary>Sessions are forgotten after an hour of a log's time, and no run takes that long.</summary>
    public void Check()
    {
        if (_wasEvicted && Swing < (Hour - HalfAMinute) * Millisecond)
            throw new SimulationViolationException("a session was forgotten as idle for an hour, and no majority of wall clocks has moved by that much");
    }
}
