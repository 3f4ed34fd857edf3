namespace RaftKv.Engine.Store;

/// <summary>
/// A fixed number of <see cref="StoreReader"/>s for threads that come and go. Bounded, because every thread inside FASTER holds one of the process's 128 epoch slots;
/// a thread that finds all in use waits, which lasts as long as a read.
/// </summary>
/// <remarks>Invariant: a reader is either in its slot or held by one thread: taking it out is one atomic exchange.</remarks>
internal sealed class ReaderPool : IDisposable
{
    private readonly StoreReader?[] _slots;

    public ReaderPool(int size, Func<StoreReader> create)
    {
        _slots = new StoreReader?[size];
        for (var i = 0; i < size; i++)
            _slots[i] = create();
    }

    /// <summary>Takes a reader, the one this thread used last if it is free.</summary>
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
            wait.SpinOnce();
        }
    }

    /// <summary>Gives a reader back.</summary>
    public void Return(int slot, StoreReader reader) => Volatile.Write(ref _slots[slot], reader);

    /// <summary>Ends all sessions. No thread may be reading any more.</summary>
    public void Dispose()
    {
        foreach (var reader in _slots)
            reader?.Dispose();
    }
}
