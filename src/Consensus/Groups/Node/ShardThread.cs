using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>Gives a shard its turns: whenever something came in, and when its next deadline is reached.</summary>
internal sealed class ShardThread : IDisposable
{
    private const long LongestSleep = 1_000_000_000;

    private readonly Parker _parker = new();
    private readonly IClock _clock;
    private readonly string _name;
    private Thread? _thread;
    private volatile string? _stopReason;

    public ShardThread(string name, IClock clock)
    {
        _name = name;
        _clock = clock;
    }

    /// <summary>What writers of the shard's inbox call.</summary>
    public void Wake() => _parker.Wake();

    /// <summary>Begins the turns.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="log">The node's log, when this thread is to drive it because it is the only one that writes to it; else null, and the log has a thread of its own.</param>
    /// <param name="onFailure">Told when a turn threw.</param>
    public void Start(Shard shard, WalWriter? log, Action<Exception> onFailure)
    {
        _thread = new Thread(() => Run(shard, log, onFailure)) { Name = _name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends the thread after its current turn; whoever waits on the shard is told why.</summary>
    public void Stop(string reason)
    {
        _stopReason = reason;
        _parker.Wake();
        if (_thread is { IsAlive: true } thread && Thread.CurrentThread != thread)
            thread.Join();
    }

    public void Dispose() => _parker.Dispose();

    private void Run(Shard shard, WalWriter? log, Action<Exception> onFailure)
    {
        try
        {
            while (_stopReason is null)
            {
                shard.Turn();
                // The turn's messages have left: peers write while this thread does.
                while (log is { HasPosted: true })
                    log.RunOnce();
                if (shard.Inbox.IsEmpty)
                    Sleep(shard, log);
            }

            log?.Upkeep();
            shard.Stop(_stopReason);
        }
#pragma warning disable CA1031 // whatever broke, the node must stop and its callers must be told
        catch (Exception failure)
#pragma warning restore CA1031
        {
            onFailure(failure);
            shard.Stop($"the node failed: {failure.Message}");
        }
    }

    private void Sleep(Shard shard, WalWriter? log)
    {
        if (!shard.Inbox.TryFallAsleep())
            return;
        var nanoseconds = shard.NextDeadline - _clock.Now;
        if (nanoseconds > 0)
        {
            if (!_parker.Sleep(Math.Min(nanoseconds, LongestSleep)))
                log?.Upkeep();
        }

        shard.Inbox.AwakeByTimer();
    }
}
