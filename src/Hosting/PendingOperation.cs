using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using RaftKv.Consensus.Groups;

namespace RaftKv.Hosting;

/// <summary>
/// An operation that can be awaited, used again and again. Its caller rents it, fills the command, awaits <see cref="RunAsync"/>, reads the result and releases it.
/// Continuations run on the thread pool, never on the shard's thread.
/// Invariant: it goes back to the pool when both its caller and its shard are done with it, whichever comes last; so a caller that stopped waiting leaves it to the shard unharmed.
/// </summary>
internal sealed class PendingOperation : Operation, IValueTaskSource, IThreadPoolWorkItem
{
    private const int MaxPooled = 4_096;
    private const int MaxKeptBytes = 64 * 1024;
    private const int Waiting = 0;
    private const int Answered = 1;
    private const int Abandoned = 2;

    private static readonly ConcurrentQueue<PendingOperation> Pool = new();
    private static int s_pooled;

    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private int _owners;
    private int _state;

    /// <summary>Takes one from the pool. The caller owns it until <see cref="Release"/>.</summary>
    public static PendingOperation Rent()
    {
        if (Pool.TryDequeue(out var operation))
            Interlocked.Decrement(ref s_pooled);
        else
            operation = new PendingOperation();
        operation._owners = 1;
        return operation;
    }

    /// <summary>Submits it. Completes when it has ended; the status says how.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped waiting; a write goes on and may take effect.</exception>
    public ValueTask RunAsync(IOperationExecutor executor, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _core.Reset();
        _state = Waiting;
        _owners = 2;
        _cancellation = cancellationToken;
        var task = new ValueTask(this, _core.Version);
        // Registered before it is submitted: afterwards it may be in other hands. A token that fires in between only ends the wait.
        _registration = cancellationToken.UnsafeRegister(static operation => ((PendingOperation)operation!).Abandon(), this);
        executor.Submit(this);
        return task;
    }

    /// <summary>The caller is done with command and result.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _owners) > 0)
            return;
        Trim(Command);
        Trim(Result);
        _cancellation = default;
        if (Interlocked.Increment(ref s_pooled) <= MaxPooled)
            Pool.Enqueue(this);
        else
            Interlocked.Decrement(ref s_pooled);
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (Volatile.Read(ref _state) == Answered)
            _core.SetResult(true);
        else
            _core.SetException(new OperationCanceledException(_cancellation));
    }

    void IValueTaskSource.GetResult(short token)
    {
        // Waits for a callback that is running, so that none runs in the operation's next life.
        _registration.Dispose();
        _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    protected internal override void OnCompleted()
    {
        if (Interlocked.CompareExchange(ref _state, Answered, Waiting) == Waiting)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        Release();
    }

    private void Abandon()
    {
        if (Interlocked.CompareExchange(ref _state, Abandoned, Waiting) == Waiting)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private static void Trim(Engine.Buffers.PooledBuffer buffer)
    {
        if (buffer.Length > MaxKeptBytes)
            buffer.Dispose();
        buffer.Clear();
    }
}
