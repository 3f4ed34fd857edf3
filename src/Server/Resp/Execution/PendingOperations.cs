using RaftKv.Consensus.Groups;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// The operations of a connection that are not answered yet, in order, and what they hold: commands, and results, of which nobody knows the length before they are there.
/// Used by its connection, except for <see cref="HasRoom"/> and <see cref="OnResult"/>, which shards call.
/// </summary>
/// <remarks>
/// Invariant: results above <see cref="RespOperation.Uncounted"/> that are not written yet are counted; when they are more than allowed nothing is begun, and reads that were submitted come back unread.
/// Invariant: from the first read that was put off to the last, reads are submitted again in their order and before any later one: replies never go back in time.
/// </remarks>
internal sealed class PendingOperations(OperationBatch batch, RespLimits limits) : IDisposable
{
    private const int KeptOperations = 64;

    private readonly Queue<RespOperation> _pending = new();
    private readonly Stack<RespOperation> _free = new();
    private long _commandBytes;
    private int _valueWrites;
    private long _expectedValueBytes = LongestResult(limits);
    private bool _hasDeferred;
    private int _answeredSinceDeferral;

    // Changed by shards' threads too: bytes of results, and whether a read found no room among them, so that those behind it must wait as well.
    private long _resultBytes;
    private volatile bool _defers;

    /// <summary>How many there are.</summary>
    public int Count => _pending.Count;

    /// <summary>All writes or all reads.</summary>
    public OperationKind Kind { get; private set; }

    /// <summary>What they hold.</summary>
    public long HeldBytes => _commandBytes + Interlocked.Read(ref _resultBytes);

    /// <summary>Whether there is room for another.</summary>
    public bool MayBegin =>
        _pending.Count == 0
        || (_pending.Count < limits.MaxPendingOperations && _commandBytes < limits.MaxPendingBytes && !_hasDeferred && !_defers
            && Interlocked.Read(ref _resultBytes) <= limits.MaxReplyBytes
            && (_valueWrites == 0 || (_valueWrites + 1) * _expectedValueBytes <= limits.MaxWriteReplyBytes));

    /// <summary>On a shard's thread: whether there is room for the result. See <see cref="Operation.HasRoom"/>.</summary>
    public bool HasRoom(RespOperation operation, int resultBytes)
    {
        if (operation.Kind == OperationKind.Write)
            return resultBytes <= RespOperation.Uncounted || Interlocked.Read(ref _resultBytes) + resultBytes <= limits.MaxWriteReplyBytes;
        if (!_defers && Interlocked.Read(ref _resultBytes) <= limits.MaxReplyBytes)
            return true;
        _defers = true;
        return false;
    }

    /// <summary>On a shard's thread: a result waits to be written.</summary>
    public void OnResult(int bytes) => Interlocked.Add(ref _resultBytes, bytes);

    /// <summary>One to fill and to <see cref="Add"/>, or to <see cref="Return"/>.</summary>
    public RespOperation Rent() => _free.TryPop(out var operation) ? operation : new RespOperation(this, batch);

    /// <summary>Takes one that is ready, and has it submitted.</summary>
    public void Add(RespOperation operation)
    {
        operation.ReturnsValue = operation.Kind == OperationKind.Write && (operation.Plan.Write == Replies.Value || operation.Plan.Write == Replies.OldValue);
        if (operation.ReturnsValue)
            _valueWrites++;
        _commandBytes += operation.Command.Length;
        Kind = operation.Kind;
        _pending.Enqueue(operation);
        batch.Add(operation);
    }

    /// <summary>The one to be answered next.</summary>
    public bool TryPeek(out RespOperation operation) => _pending.TryPeek(out operation!);

    /// <summary>The first one holds its next step, in place of a command of so many bytes, and is submitted again.</summary>
    public void Renew(RespOperation operation, int commandBytes)
    {
        _commandBytes += operation.Command.Length - commandBytes;
        ForgetResult(operation);
        operation.Rearm();
        batch.Add(operation);
    }

    /// <summary>The first one is answered.</summary>
    public void RemoveFirst(int commandBytes)
    {
        var operation = _pending.Dequeue();
        _answeredSinceDeferral++;
        _commandBytes -= commandBytes;
        ForgetResult(operation);
        if (operation.ReturnsValue)
        {
            _valueWrites--;
            _expectedValueBytes = Math.Max(operation.Status == OperationStatus.Completed ? operation.Result.Length : LongestResult(limits), _expectedValueBytes / 2);
        }
        Return(operation);
    }

    /// <summary>
    /// Submits reads again that were put off; none is under way. Not many more than could be answered the last time; and the first of them whatever waits behind it, since what waits cannot be
    /// written before it.
    /// </summary>
    public void TakeDeferred()
    {
        _defers = false;
        _hasDeferred = false;
        var most = (2 * _answeredSinceDeferral) + 4;
        _answeredSinceDeferral = 0;
        foreach (var operation in _pending)
        {
            if (operation.Status != OperationStatus.Deferred)
                continue;
            if (batch.Count == most)
            {
                _hasDeferred = true;
                return;
            }
            operation.IsNext = batch.Count == 0;
            operation.Rearm();
            batch.Add(operation);
        }
    }

    /// <summary>Makes one ready for another command.</summary>
    public void Return(RespOperation operation)
    {
        operation.Reset();
        if (_free.Count < KeptOperations)
            _free.Push(operation);
        else
            operation.Release();
    }

    public void Dispose()
    {
        while (_free.TryPop(out var operation))
            operation.Release();
    }

    private static long LongestResult(RespLimits limits) => limits.MaxValueBytes + 1024L;

    private void ForgetResult(RespOperation operation)
    {
        if (operation.CountedBytes > 0)
            Interlocked.Add(ref _resultBytes, -operation.CountedBytes);
    }
}
