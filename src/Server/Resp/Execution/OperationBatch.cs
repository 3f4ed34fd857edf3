using RaftKv.Consensus.Groups;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// What a connection prepares in one run and submits at once, and the count of what is out. Used by its connection, except for <see cref="OnCompleted"/>, which shards call.
/// </summary>
/// <remarks>
/// Invariant: shards wake the connection once for each batch, and when nothing is out any more: should operations ever complete out of order, no reply is left behind.
/// </remarks>
internal sealed class OperationBatch(IOperationExecutor executor, long timeoutNanoseconds, Action wake)
{
    private readonly List<RespOperation> _prepared = [];

    // Handed to shards and not yet given back; the only field that shards' threads change.
    private int _outstanding;

    /// <summary>How many are prepared.</summary>
    public int Count => _prepared.Count;

    /// <summary>Whether nothing is prepared and nothing is out.</summary>
    public bool IsIdle => Volatile.Read(ref _outstanding) == 0 && _prepared.Count == 0;

    /// <summary>Adds one to what will be submitted.</summary>
    public void Add(RespOperation operation) => _prepared.Add(operation);

    /// <summary>Hands out what is prepared, in its order.</summary>
    public void Submit()
    {
        if (_prepared.Count == 0)
            return;
        var deadline = executor.Now + timeoutNanoseconds;
        // Counted before the first is out: it may be back before the second has left.
        Interlocked.Add(ref _outstanding, _prepared.Count);
        for (var i = 0; i < _prepared.Count; i++)
        {
            var operation = _prepared[i];
            operation.Deadline = deadline;
            operation.Wakes = i == _prepared.Count - 1;
            executor.Submit(operation);
        }
        _prepared.Clear();
    }

    /// <summary>Drops what is prepared: it will not be submitted.</summary>
    public void Forget()
    {
        foreach (var operation in _prepared)
            operation.MarkDone();
        _prepared.Clear();
    }

    /// <summary>On a shard's thread: one is back.</summary>
    public void OnCompleted(bool wakes)
    {
        if (Interlocked.Decrement(ref _outstanding) == 0 || wakes)
            wake();
    }
}
