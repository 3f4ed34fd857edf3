namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// The simulated time and everything that is still to happen. One thread; events at the same time happen in the order in which they were asked for.
/// <see cref="Hash"/> is over all that happened: equal seeds give equal hashes, in any process.
/// </summary>
internal sealed class Scheduler
{
    private readonly PriorityQueue<Action, (long Time, long Order)> _queue = new();
    private long _order;

    /// <summary>Nanoseconds since the run began. No machine sees it: each has a clock of its own.</summary>
    public long Now { get; private set; }

    /// <summary>Events that have happened.</summary>
    public long Events { get; private set; }

    /// <summary>Order-dependent hash of everything noted.</summary>
    public ulong Hash { get; private set; } = 0xCBF29CE484222325;

    /// <summary>Lets something happen after a delay.</summary>
    public void After(long delay, Action action) => _queue.Enqueue(action, (Now + delay, ++_order));

    /// <summary>Lets the next thing happen; false when it lies beyond a time, which is then reached.</summary>
    public bool Step(long until)
    {
        if (!_queue.TryPeek(out _, out var key) || key.Time > until)
        {
            // Steps are nested where a thread stands still: another may have stood still for longer meanwhile.
            Now = Math.Max(Now, until);
            return false;
        }

        var action = _queue.Dequeue();
        Now = key.Time;
        Events++;
        Note((ulong)Now);
        action();
        return true;
    }

    /// <summary>Adds a fact to the hash.</summary>
    public void Note(ulong fact) => Hash = (Hash ^ fact) * 0x100000001B3;

    /// <summary>Adds bytes to the hash.</summary>
    public void Note(ReadOnlySpan<byte> bytes) => Note(RaftKv.Engine.Io.Crc32C.Compute(bytes));
}
