using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// Takes checkpoints of a shard's store: begun between entries, written while the store serves, reported to the replicas when durable, so that the log can shrink.
/// </summary>
internal sealed class Checkpointer(Shard shard, IStateStore store, long checkpointBytes)
{
    private bool _demanded;
    private bool _underWay;
    private long _appliedBytes;

    /// <summary>How many have completed.</summary>
    public long Completed { get; private set; }

    public bool IsUnderWay => _underWay;

    /// <summary>Somebody needs one that contains the state as of now.</summary>
    public void Demand() => _demanded = true;

    /// <summary>Bytes that were applied: what a restart would replay.</summary>
    public void OnApplied(long bytes) => _appliedBytes += bytes;

    public void Poll()
    {
        if (_underWay && store.PollCheckpoint() is { } completed)
        {
            _underWay = false;
            Completed++;
            foreach (var (group, position) in completed.Groups)
                shard.Replica(group)?.OnCheckpoint(position);
        }

        if (!_underWay && (_demanded || _appliedBytes >= checkpointBytes))
            Begin();
    }

    private void Begin()
    {
        foreach (var replica in shard.Replicas)
            replica.Machine.SaveSessions();
        if (!store.TryBeginCheckpoint())
            return;
        _underWay = true;
        _demanded = false;
        _appliedBytes = 0;
    }
}
