namespace RaftKv.Consensus.Groups;

/// <summary>Gives a shard its turns: whenever something came in, and when its next deadline is reached.</summary>
internal sealed class ShardThread : IDisposable
{
    private readonly AutoResetEvent _signal = new(false);
    private readonly IClock _clock;
    private readonly Action<Exception> _onFailure;
    private readonly Thread _thread;
    private Shard? _shard;
    private volatile string? _stopReason;

    public ShardThread(string name, IClock clock, Action<Exception> onFailure)
    {
        _clock = clock;
        _onFailure = onFailure;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
    }

    /// <summary>What writers of the shard's inbox call.</summary>
    public void Wake() => _signal.Set();

    public void Start(Shard shard)
    {
        _shard = shard;
        _thread.Start();
    }

    /// <summary>Ends the thread after its current turn; whoever waits on the shard is told why.</summary>
    public void Stop(string reason)
    {
        _stopReason = reason;
        _signal.Set();
        if (_thread.IsAlive && Thread.CurrentThread != _thread)
            _thread.Join();
    }

    public void Dispose() => _signal.Dispose();

    private void Run()
    {
        var shard = _shard!;
        try
        {
            while (_stopReason is null)
            {
                shard.Turn();
                if (shard.Inbox.IsEmpty)
                    Sleep(shard);
            }

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
            _signal.WaitOne((int)Math.Clamp((nanoseconds + 999_999) / 1_000_000, 1, 1000));
        shard.Inbox.AwakeByTimer();
    }
}
