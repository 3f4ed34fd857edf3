namespace RaftKv.Engine.Store.Faster;

/// <summary>Which snapshots are open. Each gets a rising number, so that compaction can wait for those older than it. Thread-safe.</summary>
internal sealed class SnapshotTickets
{
    private readonly Lock _gate = new();
    private readonly SortedSet<long> _open = [];
    private long _next = 1;

    /// <summary>Registers a snapshot.</summary>
    public long Open()
    {
        lock (_gate)
        {
            _open.Add(_next);
            return _next++;
        }
    }

    /// <summary>A snapshot is closed.</summary>
    public void Close(long ticket)
    {
        lock (_gate)
            _open.Remove(ticket);
    }

    /// <summary>The number that the next snapshot will get.</summary>
    public long Next
    {
        get
        {
            lock (_gate)
                return _next;
        }
    }

    /// <summary>Whether a snapshot with a number below <paramref name="ticket"/> is open.</summary>
    public bool AnyBefore(long ticket)
    {
        lock (_gate)
            return _open.Count > 0 && _open.Min < ticket;
    }
}
