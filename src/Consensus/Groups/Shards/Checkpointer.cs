using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Engine;
using RaftKv.Engine.Io;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Takes checkpoints of a shard's store: begun between entries, written while the store serves, reported to the replicas when durable, so that the log can shrink.
/// Invariant: a checkpoint that a full disk refused ends only itself: the one before it still holds, the log keeps what it would have replaced, and another is tried later.
/// </summary>
internal sealed partial class Checkpointer(Shard shard, IStateStore store, long checkpointBytes, ILogger logger)
{
    /// <summary>A full disk is given this long to get some space before the next attempt.</summary>
    private const long RetryInterval = 1_000_000_000;

    private readonly ILogger _logger = logger;
    private readonly List<Action> _waiting = [];
    private readonly List<Action> _covered = [];
    private bool _demanded;
    private bool _underWay;
    private long _appliedBytes;
    private long _notBefore = long.MinValue;

    /// <summary>How many have completed.</summary>
    public long Completed { get; private set; }

    /// <summary>How many a full disk refused.</summary>
    public long Refused { get; private set; }

    /// <summary>When <see cref="Poll"/> wants to be called next, <see cref="long.MaxValue"/> when nothing is under way or due.</summary>
    public long NextDeadline(long now, long pollInterval) =>
        _underWay ? now + pollInterval : IsDue ? Math.Max(now, _notBefore) : long.MaxValue;

    /// <summary>Whether the state of a group holds part of an entry that could not be taken back.</summary>
    private bool HasTaintedGroup
    {
        get
        {
            foreach (var replica in shard.Replicas)
            {
                if (replica.Halt is { IsTainted: true })
                    return true;
            }

            return false;
        }
    }

    private bool IsDue => _demanded || _appliedBytes >= checkpointBytes;

    /// <summary>Somebody needs one that contains the state as of now.</summary>
    public void Demand() => _demanded = true;

    /// <summary>Calls back, on this thread, once a checkpoint holds all that is applied by now, at once if one does already, or when a full disk refused it.</summary>
    public void WhenSaved(Action saved)
    {
        if (!_underWay && !_demanded && _appliedBytes == 0)
        {
            saved();
            return;
        }

        _demanded = true;
        _waiting.Add(saved);
    }

    /// <summary>Bytes that were applied: what a restart would replay.</summary>
    public void OnApplied(long bytes) => _appliedBytes += bytes;

    public void Poll()
    {
        if (_underWay)
            Finish();
        // Saving the sessions writes into the store: not while its disk is full.
        // A checkpoint holds whole entries only: not while a group holds part of one.
        if (!_underWay && IsDue && shard.Now >= _notBefore && !store.IsDiskFull && !HasTaintedGroup)
            Begin();
    }

    private void Finish()
    {
        CompletedCheckpoint? completed;
        try
        {
            completed = store.PollCheckpoint();
        }
        catch (DiskFullException full)
        {
            Sometimes.Reached(Sometimes.CheckpointRefusedByFullDisk);
            _underWay = false;
            _demanded = true;
            _notBefore = shard.Now + RetryInterval;
            Refused++;
            LogRefused(full.Message);
            CallBack();
            return;
        }

        if (completed is null)
            return;
        _underWay = false;
        Completed++;
        CallBack();
        foreach (var (group, position) in completed.Groups)
        {
            shard.Replica(group)?.OnCheckpoint(position);
        }
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
        _covered.AddRange(_waiting);
        _waiting.Clear();
    }

    private void CallBack()
    {
        foreach (var saved in _covered)
            saved();
        _covered.Clear();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "a checkpoint found no space ({reason}); the one before it holds, and another is tried later")]
    private partial void LogRefused(string reason);
}
