using System.Collections.Concurrent;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Machine;

namespace RaftKv.Consensus.Groups.Requests;

/// <summary>
/// Reads of single records that lie on disk: answered beside the shard's thread, which has heartbeats to send meanwhile. A few at a time, because each holds a thread and one of the store's readers.
/// </summary>
/// <remarks>
/// Invariant: an operation that was added is completed exactly once, whatever the disk does, unless the disk never comes back: its buffers belong to the reading thread until then.
/// Invariant: while an operation waits there is a worker: it looks again after it gave up its place, and who adds looks for a place after adding.
/// </remarks>
internal sealed class DiskReads(StateMachine machine, IReplicaContext context)
{
    private const int MaxWorkers = 2;

    private readonly ConcurrentQueue<Operation> _waiting = new();
    private int _workers;
    private volatile string? _failure;

    /// <summary>Takes a read that may be answered from this replica from now on.</summary>
    public void Add(Operation operation)
    {
        _waiting.Enqueue(operation);
        // Added before the places are looked at; a worker gives its place up before it looks at the queue for the last time. One of the two sees the other.
        Interlocked.MemoryBarrier();
        if (TryTakePlace())
            context.RunInBackground(Work, OnEnded);
    }

    private bool TryTakePlace()
    {
        // Compared, not counted up and down again: a place that is taken for a moment only would let a worker go that should have stayed.
        for (var workers = Volatile.Read(ref _workers); workers < MaxWorkers;)
        {
            var seen = Interlocked.CompareExchange(ref _workers, workers + 1, workers);
            if (seen == workers)
                return true;
            workers = seen;
        }

        return false;
    }

    private void Work()
    {
        using var value = new PooledBuffer();
        do
        {
            while (_waiting.TryDequeue(out var operation))
                Serve(operation, value);
            Interlocked.Decrement(ref _workers);
        }
        while (!_waiting.IsEmpty && TryTakePlace());
    }

    private void Serve(Operation operation, PooledBuffer value)
    {
        // Asked again: what was read for others while this one waited may have filled the room.
        if (!operation.HasRoom(0))
        {
            operation.Complete(OperationStatus.Deferred, null);
            return;
        }

        string? defect = null;
        try
        {
            var wait = default(SpinWait);
            while (_failure is null && !machine.TryGet(operation.Command.Span, value, operation.Result))
                wait.SpinOnce();
        }
        catch (Exception e) when (StateMachine.IsDefect(e))
        {
            context.Defects.OnQuery(operation.Group, e);
            defect = $"a defect keeps the read from being answered ({e.Message})";
        }
#pragma warning disable CA1031 // whatever broke, the node must stop and its callers must be told
        catch (Exception e)
#pragma warning restore CA1031
        {
            _failure = e.Message;
            context.ReportFailure(e);
        }

        var reason = defect ?? _failure;
        operation.Complete(reason is null ? OperationStatus.Completed : OperationStatus.Unavailable, reason);
    }

    private void OnEnded(Exception? failure)
    {
        if (failure is not null)
            context.ReportFailure(failure);
    }
}
