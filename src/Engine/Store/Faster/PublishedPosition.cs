namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// An <see cref="AppliedPosition"/> that one thread writes and any thread reads, without a lock and without garbage: a sequence lock. The writer makes the version odd, writes, makes it even;
/// a reader that saw an odd version, or two different ones around its reads, tries again.
/// </summary>
internal sealed class PublishedPosition
{
    private int _version;
    private ulong _index;
    private ulong _term;
    private long _time;

    /// <summary>Set by the one writer only. The writes of the entry's data are before it in program order, so that a reader sees a position at most as new as the data.</summary>
    public AppliedPosition Value
    {
        get
        {
            while (true)
            {
                var before = Volatile.Read(ref _version);
                var value = new AppliedPosition(Volatile.Read(ref _index), Volatile.Read(ref _term), Volatile.Read(ref _time));
                if ((before & 1) == 0 && Volatile.Read(ref _version) == before)
                    return value;
                Thread.SpinWait(1);
            }
        }

        set
        {
            // The interlocked increment is a full barrier: the odd version is visible before the first field changes.
            Interlocked.Increment(ref _version);
            Volatile.Write(ref _index, value.Index);
            Volatile.Write(ref _term, value.Term);
            Volatile.Write(ref _time, value.Time);
            Volatile.Write(ref _version, _version + 1);
        }
    }
}
