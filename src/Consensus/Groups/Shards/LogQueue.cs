using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Engine;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// A shard's batches on their way to the log, which writes and syncs them off the shard's thread: one a turn, for all groups. What is to happen once a batch is durable happens here, on the shard's thread.
/// Watches over the log too: one that is full is offered the same batches again, and one that does not answer for an election timeout is reported, since this node's entries may still be committed
/// by others' disks, so that nobody else would notice.
/// </summary>
/// <remarks>
/// Invariant: batches reach the log in the order of the turns, and their deferred effects happen in the same order; one that was refused is offered again, unchanged, before any later one.
/// </remarks>
internal sealed partial class LogQueue(IReplicaContext context, IShardHost host, IWalCompletion completion, ILogger logger)
{
    private const long RetryInterval = 100_000_000;

    private readonly ILogger _logger = logger;
    private readonly Queue<LogBatch> _inLog = new();
    private readonly Stack<LogBatch> _spare = new();
    private LogBatch? _last;
    private int _refused;
    private long _nextRetry = long.MaxValue;

    /// <summary>What this turn gives to the log so far.</summary>
    public LogBatch Batch { get; private set; } = new();

    /// <summary>When a batch has to be offered again, or the oldest one is overdue.</summary>
    public long NextDeadline => IsRetryDueAt ?? (_refused == 0 && !context.Health.IsLogIll && _inLog.TryPeek(out var oldest) ? oldest.PostedAt + ElectionTimeout + 1 : long.MaxValue);

    private long? IsRetryDueAt => _refused > 0 && _refused == _inLog.Count ? _nextRetry : null;

    private long ElectionTimeout => context.Configuration.Raft.ElectionTimeout;

    /// <summary>Gives the log what has come together, and again what it had refused.</summary>
    public void Submit()
    {
        if (IsRetryDueAt <= context.Now)
            Retry();
        if (Batch.IsEmpty)
            return;
        if (Batch.Wal.IsEmpty)
        {
            // Promises about what is, or is about to be, durable already: no sync of their own.
            if (_last is null)
                Batch.Release(context);
            else
                Batch.MoveTo(_last);
            return;
        }

        var batch = Batch;
        Batch = _spare.TryPop(out var spare) ? spare : new LogBatch();
        batch.PostedAt = context.Now;
        _inLog.Enqueue(batch);
        _last = batch;
        if (_refused > 0)
            _refused++; // it builds on what was refused: it waits with it
        else
            host.PostToLog(batch.Wal, completion);
    }

    /// <summary>The oldest batch is durable.</summary>
    public void OnDurable()
    {
        if (context.Health.IsLogIll)
        {
            context.Health.SetLog(isFull: false, hangs: false);
            LogWritesAgain();
        }

        var batch = _inLog.Dequeue();
        if (_inLog.Count == 0)
            _last = null;
        batch.Release(context);
        _spare.Push(batch);
    }

    /// <summary>The log took nothing of the oldest batches in it: they are kept, in order, and offered again.</summary>
    public void OnFull(Exception failure)
    {
        _refused++;
        _nextRetry = context.Now + RetryInterval;
        if (context.Health.IsLogFull)
            return;
        Sometimes.Reached(Sometimes.LogDiskFull);
        context.Health.SetLog(isFull: true, hangs: false);
        LogFull(failure.Message);
        // The log shrinks behind a checkpoint.
        context.Checkpoints.Demand();
    }

    /// <summary>Sees whether the log answers.</summary>
    public void Watch()
    {
        if (_refused == 0 && _inLog.TryPeek(out var oldest) && context.Now - oldest.PostedAt > ElectionTimeout)
            OnHangs();
    }

    private void OnHangs()
    {
        if (context.Health.IsLogIll)
            return;
        Sometimes.Reached(Sometimes.LogHangs);
        context.Health.SetLog(isFull: false, hangs: true);
        LogHangs();
    }

    private void Retry()
    {
        Sometimes.Reached(Sometimes.LogRetriedAfterFullDisk);
        _refused = 0;
        var first = true;
        foreach (var batch in _inLog)
        {
            batch.Wal.AfterRefusal = first;
            batch.PostedAt = context.Now;
            first = false;
            host.PostToLog(batch.Wal, completion);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the log cannot be written: {reason}; writes are refused until there is space")]
    private partial void LogFull(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "the log can be written again; writes are accepted")]
    private partial void LogWritesAgain();

    [LoggerMessage(Level = LogLevel.Error, Message = "the log's disk has confirmed nothing for an election timeout; leaderships are transferred, and writes wait for the new leaders, until it does")]
    private partial void LogHangs();
}
