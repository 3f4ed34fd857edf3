using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine;
using RaftKv.Engine.Wal.Log;
using RaftKv.Tests.Harness.Io;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>
/// Gives a node its turns as events: what threads do in production, one after the other, in the same dependence on each other. With one shard its thread writes the log and does nothing else
/// meanwhile; with more, the shards go on while the log syncs.
/// </summary>
internal sealed class SteppedDriver(Process process, SeededRandom random, TurnClock clock, long syncTime, int shardCount) : INodeDriver
{
    private const long UpkeepInterval = 25 * Millisecond;

    private readonly bool[] _isScheduled = new bool[shardCount];
    private readonly bool[] _isInTurn = new bool[shardCount];
    private readonly long[] _timer = new long[shardCount];
    private IReadOnlyList<Shard> _shards = [];
    private WalWriter? _log;
    private Action<Exception>? _onFailure;
    private bool _isWriting;

    // False while a turn stands still and other things happen: a look at the clock by the log or by a caller's thread must not stop them, or they would be entered a second time.
    private bool _turnRuns;
    private int _running;

    /// <summary>How long one of the next turns is to stand still; 0 for not at all.</summary>
    public long StallFor { get; set; }

    /// <summary>Whose turn is to stand still; null for any shard's.</summary>
    public int? StallShard { get; set; }

    /// <summary>Whether a turn is under way, or stands still.</summary>
    public bool IsInTurn => _isInTurn.Contains(true);

    /// <summary>Since when the log has been writing; null when it is not.</summary>
    public long? WritingSince { get; private set; }

    /// <inheritdoc/>
    public void Wake(int shard)
    {
        if (_shards.Count > 0)
            Schedule(shard);
    }

    /// <inheritdoc/>
    public void Start(IReadOnlyList<Shard> shards, WalWriter log, Action<Exception> onFailure)
    {
        (_shards, _log, _onFailure) = (shards, log, onFailure);
        clock.Looked = OnLook;
        for (var i = 0; i < shards.Count; i++)
            Schedule(i);
        process.After(UpkeepInterval, Upkeep);
    }

    /// <inheritdoc/>
    public void RunInBackground(Action work) => process.After(random.Time(10 * Microsecond, 2 * Millisecond), work);

    /// <inheritdoc/>
    public ValueTask StopAsync(string reason)
    {
        while (_log is { HasPosted: true, Failure: null })
            _log.RunOnce();
        _log?.Upkeep();
        foreach (var shard in _shards)
            shard.Stop(reason);
        _shards = [];
        return ValueTask.CompletedTask;
    }

    private void Schedule(int shard)
    {
        if (_isScheduled[shard])
            return;
        _isScheduled[shard] = true;
        process.After(WakingTime(), () => Turn(shard));
    }

    /// <summary>How long a thread takes to wake up.</summary>
    private long WakingTime() => random.Time(1 * Microsecond, 20 * Microsecond);

    private void Turn(int number)
    {
        _isScheduled[number] = false;
        // Its thread is in a sync, or stands still; it looks for what came in when that is over.
        if (_shards.Count == 0 || _isInTurn[number] || (_isWriting && _shards.Count == 1))
            return;
        var shard = _shards[number];
        shard.Inbox.AwakeByTimer();
        var interrupted = _turnRuns;
        (_isInTurn[number], _turnRuns, _running) = (true, true, number);
        try
        {
            shard.Turn();
        }
        catch (Exception e) when (e is not (SimulatedCrashException or SimulationViolationException or InvariantViolationException))
        {
            _onFailure!(e);
            shard.Stop($"the node failed: {e.Message}");
            return;
        }
        finally
        {
            (_isInTurn[number], _turnRuns) = (false, interrupted);
        }

        process.AfterTurn(shard);
        if (_log!.HasPosted)
            BeginWrite();
        if (!_isWriting || _shards.Count > 1)
            Sleep(shard);
    }

    /// <summary>Everything else goes on while the thread that looked stands still.</summary>
    private void OnLook()
    {
        if (StallFor == 0 || !_turnRuns || (StallShard is { } shard && shard != _running) || !random.Chance(500))
            return;
        var until = process.Scheduler.Now + StallFor;
        var stalled = _running;
        (StallFor, _turnRuns) = (0, false);
        process.Cluster.Story.Tell(process.Machine, "a turn stands still");
        while (process.Cluster.Problem is null && process.Scheduler.Step(until))
        {
        }

        (_turnRuns, _running) = (true, stalled);
        process.Cluster.Story.Tell(process.Machine, "the turn goes on");
    }

    private void Sleep(Shard shard)
    {
        if (!shard.Inbox.TryFallAsleep())
        {
            Schedule(shard.Number);
            return;
        }

        var deadline = shard.NextDeadline;
        if (deadline == long.MaxValue)
            return;
        var wait = process.Machine.Clock.Until(deadline) + WakingTime();
        var due = process.Scheduler.Now + wait;
        // An earlier timer that still runs finds nothing due and sets the next one.
        if (_timer[shard.Number] > process.Scheduler.Now && _timer[shard.Number] <= due)
            return;
        _timer[shard.Number] = due;
        process.After(wait, () =>
        {
            if (_timer[shard.Number] == due)
                _timer[shard.Number] = 0;
            if (!_isScheduled[shard.Number])
                Turn(shard.Number);
        });
    }

    private void BeginWrite()
    {
        if (_isWriting)
            return;
        _isWriting = true;
        WritingSince = process.Scheduler.Now;
        process.After(random.Time(syncTime / 4, syncTime) * process.Machine.Faults.Slowness, EndWrite);
    }

    private void EndWrite()
    {
        var hung = process.Machine.Faults.HungUntil - process.Scheduler.Now;
        if (hung > 0)
        {
            // It may be mended before its time.
            process.After(Math.Min(hung, UpkeepInterval), EndWrite);
            return;
        }

        _log!.RunOnce();
        (_isWriting, WritingSince) = (false, null);
        if (_log.HasPosted)
            BeginWrite();
        else if (_shards.Count == 1)
            Schedule(0);
    }

    private void Upkeep()
    {
        if (_shards.Count == 0)
            return;
        if (!_isWriting && !(_shards.Count == 1 && IsInTurn) && !_log!.HasPosted && process.Machine.Faults.HungUntil <= process.Scheduler.Now)
            _log.RunOnce();
        process.After(UpkeepInterval, Upkeep);
    }
}
