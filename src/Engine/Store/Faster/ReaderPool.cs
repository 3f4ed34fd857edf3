namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// A fixed number of <see cref="StoreReader"/>s for threads that come and go. Bounded, because every thread inside FASTER holds one of the process's 128 epoch slots;
/// a thread that finds all in use waits, which lasts as long as a read.
/// </summary>
/// <remarks>
/// Invariant: a reader is either in its slot or held by one thread: taking it out is one atomic exchange.
/// Invariant: no thread reads once the pool is closed: closing takes every reader out of its slot, and so waits for those that are held; they are never put back.
/// </remarks>
internal sealed class ReaderPool : IDisposable
{
    private readonly StoreReader?[] _slots;
    private volatile bool _closed;

    public ReaderPool(int size, Func<StoreReader> create)
    {
        _slots = new StoreReader?[size];
        for (var i = 0; i < size; i++)
            _slots[i] = create();
    }

    /// <summary>Takes a reader, the one this thread used last if it is free.</summary>
    /// <exception cref="ObjectDisposedException">The pool was closed: its store is, or is about to be.</exception>
    public StoreReader Rent(out int slot)
    {
        var wait = default(SpinWait);
        var first = Environment.CurrentManagedThreadId % _slots.Length;
        while (true)
        {
            for (var i = 0; i < _slots.Length; i++)
            {
                slot = first + i < _slots.Length ? first + i : first + i - _slots.Length;
                if (Volatile.Read(ref _slots[slot]) is not null && Interlocked.Exchange(ref _slots[slot], null) is { } reader)
                    return reader;
            }
            ObjectDisposedException.ThrowIf(_closed, typeof(IStateStore));
            wait.SpinOnce();
        }
    }

    /// <summary>Gives a reader back.</summary>
    public void Return(int slot, StoreReader reader) => Volatile.Write(ref _slots[slot], reader);

    /// <summary>Ends all sessions, once the threads that are reading have read. From then on nobody reads.</summary>
    public void Dispose()
    {
        _closed = true;
        for (var i = 0; i < _slots.Length; i++)
        {
            var wait = default(SpinWait);
            StoreReader? reader;
            while ((reader = Interlocked.Exchange(ref _slots[i], null)) is null)
                wait.SpinOnce();
            reader.Dispose();
        }
    }
}
