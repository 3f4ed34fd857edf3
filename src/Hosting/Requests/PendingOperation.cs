using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using RaftKv.Consensus.Groups;

namespace RaftKv.Hosting.Requests;

/// <summary>
/// An operation that its caller awaits for a <typeparamref name="T"/>, used again and again: rented, filled, run; what the caller gets is read from the result when it asks for it, and that gives it back.
/// Continuations run on the thread pool, never on the shard's thread.
/// </summary>
/// <remarks>
/// Invariant: it goes back to the pool when both its caller and its shard are done with it, whichever comes last; so a caller that stopped waiting leaves it to the shard unharmed.
/// Invariant: a caller is done with it once. A task that is awaited twice, or asked for its result before it has ended, gives its caller an exception and changes nothing: the runtime's pooled async
/// methods would hand the same memory out twice then, and mix up other callers' operations.
/// </remarks>
internal sealed class PendingOperation<T> : Operation, IValueTaskSource<T>, IThreadPoolWorkItem
{
    private const int MaxPooled = 4_096;
    private const int MaxKeptBytes = 64 * 1024;
    private const int Waiting = 0;
    private const int Answered = 1;
    private const int Abandoned = 2;

    /// <summary>Beside a token in <see cref="_unread"/>, so that no token looks like none.</summary>
    private const int Unread = 1 << 16;

    private static readonly ConcurrentQueue<PendingOperation<T>> Pool = new();
    private static int s_pooled;

    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private Func<PendingOperation<T>, T>? _read;
    private int _owners;
    private int _state;
    private int _unread;
    private int _awaited;

    /// <summary>Where a read puts the value, if its caller named a place.</summary>
    public IBufferWriter<byte>? Destination { get; set; }

    /// <summary>The write that a question is about, so that the caller can ask again.</summary>
    public RequestId About { get; set; }

    /// <summary>Takes one from the pool, for <see cref="RunAsync"/> or <see cref="Return"/>.</summary>
    public static PendingOperation<T> Rent()
    {
        if (Pool.TryDequeue(out var operation))
            Interlocked.Decrement(ref s_pooled);
        else
            operation = new PendingOperation<T>();
        operation._owners = 1;
        return operation;
    }

    /// <summary>Submits it. The task ends when it has ended; its result is what <paramref name="read"/> makes of it, on the thread that asks for the result.</summary>
    /// <param name="executor">Who does it.</param>
    /// <param name="read">Reads the result, or throws what the caller is to get.</param>
    /// <param name="cancellationToken">Fired before: nothing is submitted. Fired later: the task ends as cancelled, and a write goes on and may take effect.</param>
    public ValueTask<T> RunAsync(IOperationExecutor executor, Func<PendingOperation<T>, T> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            Return();
            return ValueTask.FromCanceled<T>(cancellationToken);
        }

        _read = read;
        _state = Waiting;
        _owners = 2;
        _cancellation = cancellationToken;
        // Taken before it is submitted: afterwards it may be in other hands.
        var token = _core.Version;
        _awaited = 0;
        Volatile.Write(ref _unread, Unread | (ushort)token);
        _registration = cancellationToken.UnsafeRegister(static operation => ((PendingOperation<T>)operation!).Abandon(), this);
        executor.Submit(this);
        return new ValueTask<T>(this, token);
    }

    /// <summary>For one that was not run.</summary>
    public void Return() => Release();

    void IThreadPoolWorkItem.Execute()
    {
        // Waits for a callback that is running, so that none runs in the operation's next life.
        _registration.Dispose();
        if (Volatile.Read(ref _state) == Answered)
            _core.SetResult(true);
        else
            _core.SetException(new OperationCanceledException(_cancellation));
    }

    T IValueTaskSource<T>.GetResult(short token)
    {
        if (StatusOf(token) == ValueTaskSourceStatus.Pending)
            throw new InvalidOperationException("The operation has not ended yet: await it, once. To block until it ends, or to wait for it several times, use AsTask().");
        if (Interlocked.CompareExchange(ref _unread, 0, Unread | (ushort)token) != (Unread | (ushort)token))
            throw new InvalidOperationException("The result of the operation was taken already: await each task once.");
        try
        {
            _core.GetResult(token);
            return _read!(this);
        }
        finally
        {
            Release();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => StatusOf(token);

    /// <summary>
    /// What this throws the runtime throws again on a pool thread, where it ends the process. So a second awaiter, or one that comes after the result was taken, is let go on at once: it asks for the result
    /// then, and gets its exception where it can be caught.
    /// </summary>
    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        var mark = Unread | (ushort)token;
        try
        {
            if (Volatile.Read(ref _unread) == mark && Interlocked.CompareExchange(ref _awaited, mark, 0) == 0)
            {
                _core.OnCompleted(continuation, state, token, flags);
                return;
            }
        }
        catch (InvalidOperationException)
        {
            // Another thread took the result between the two looks.
        }

        ThreadPool.UnsafeQueueUserWorkItem(continuation, state, preferLocal: false);
    }

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

    private void Release()
    {
        if (Interlocked.Decrement(ref _owners) > 0)
            return;
        Trim(Command);
        Trim(Result);
        Destination = null;
        About = default;
        // What reads the result knows its tenant, and that its node: in the pool it would keep a node that is gone in memory.
        _read = null;
        _cancellation = default;
        _registration = default;
        _core.Reset();
        // Tokens have come round: one that was kept since the first life would pass for this one's.
        if (_core.Version == 0)
            return;
        if (Interlocked.Increment(ref s_pooled) <= MaxPooled)
            Pool.Enqueue(this);
        else
            Interlocked.Decrement(ref s_pooled);
    }

    /// <summary>A token of an earlier life says "ended": whoever asks for the result then is told.</summary>
    private ValueTaskSourceStatus StatusOf(short token)
    {
        try
        {
            return _core.Version == token ? _core.GetStatus(token) : ValueTaskSourceStatus.Faulted;
        }
        catch (InvalidOperationException)
        {
            return ValueTaskSourceStatus.Faulted;
        }
    }

    private static void Trim(Engine.Buffers.PooledBuffer buffer)
    {
        if (buffer.Length > MaxKeptBytes)
            buffer.Dispose();
        buffer.Clear();
    }
}
