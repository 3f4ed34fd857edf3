using RaftKv.Engine.Wal;

namespace RaftKv.Consensus.Groups;

/// <summary>Gives a shard its turns: whenever something came in, and when its next deadline is reached.</summary>
internal sealed class ShardThread : IDisposable
{
    private const long LongestSleep = 1_000_000_000;

    private readonly Parker _parker = new();
    private readonly IClock _clock;
    private readonly LogWriter? _log;
    private readonly Action<Exception> _onFailure;
    private readonly Thread _thread;
    private Shard? _shard;
    private volatile string? _stopReason;

    /// <param name="name">Name of the thread.</param>
    /// <param name="clock">The time.</param>
    /// <param name="log">The node's log, when this thread is to drive it because it is the only one that writes to it; else null, and the log has a thread of its own.</param>
    /// <param name="onFailure">Told when a turn threw.</param>
    public ShardThread(string name, IClock clock, LogWriter? log, Action<Exception> onFailure)
    {
        _clock = clock;
        _log = log;
        _onFailure = onFailure;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
    }

    /// <summary>What writers of the shard's inbox call.</summary>
    public void Wake() => _parker.Wake();

    public void Start(Shard shard)
    {
        _shard = shard;
        _thread.Start();
    }

    /// <summary>Ends the thread after its current turn; whoever waits on the shard is told why.</summary>
    public void Stop(string reason)
    {
        _stopReason = reason;
        _parker.Wake();
        if (_thread.IsAlive && Thread.CurrentThread != _thread)
            _thread.Join();
    }

    public void Dispose() => _parker.Dispose();

    private void Run()
    {
        var shard = _shard!;
        try
        {
            while (_stopReason is null)
            {
                shard.Turn();
                // The turn's messages have left: peers write while this thread does.
                while (_log is { HasPosted: true })
                    _log.RunOnce();
                if (shard.Inbox.IsEmpty)
                    Sleep(shard);
            }

            _log?.Upkeep();
            shard.Stop(_stopReason);
        }
#pragma warning disable CA1031 // whatever broke, the node must stop and its callers must be told
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _onFailure(failure);
            shard.Stop($"the node failed: {failure.Message}");
        }
    }

    private void Sleep(Shard shard)
    {
        if (!shard.Inbox.TryFallAsleep())
            return;
        var nanoseconds = shard.NextDeadline - _clock.Now;
        if (nanoseconds > 0)
        {
            if (!_parker.Sleep(Math.Min(nanoseconds, LongestSleep)))
                _log?.Upkeep();
        }

        shard.Inbox.AwakeByTimer();
    }
}
