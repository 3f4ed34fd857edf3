namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>What the network does to the frames that one node sends to another. Written by the fault injector, read by the connections between the two; changes take effect with the next frame.</summary>
internal sealed class Link(int from, int to)
{
    private int _corrupt;
    private int _truncate;
    private volatile bool _stalled;
    private volatile bool _cut;
    private volatile int _delayMilliseconds;
    private volatile int _lossPerMille;
    private volatile int _bytesPerSecond;

    /// <summary>Number of the sender.</summary>
    public int From { get; } = from;

    /// <summary>Number of the receiver.</summary>
    public int To { get; } = to;

    /// <summary>Nothing is forwarded, and nobody is told: not even that a connection ended. What was sent is held, as by a sender that repeats lost segments, and arrives after healing.</summary>
    public bool Stalled { get => _stalled; set => _stalled = value; }

    /// <summary>Connections are closed, and new ones refused.</summary>
    public bool Cut { get => _cut; set => _cut = value; }

    /// <summary>Every frame is late by so much.</summary>
    public int DelayMilliseconds { get => _delayMilliseconds; set => _delayMilliseconds = value; }

    /// <summary>So many of a thousand frames are dropped, whole.</summary>
    public int LossPerMille { get => _lossPerMille; set => _lossPerMille = value; }

    /// <summary>How much passes in a second; 0 for all.</summary>
    public int BytesPerSecond { get => _bytesPerSecond; set => _bytesPerSecond = value; }

    /// <summary>Frames spoilt so far: corrupted or cut short.</summary>
    public int Spoilt { get; private set; }

    /// <summary>Changes a byte of so many frames to come.</summary>
    public void Corrupt(int frames) => Interlocked.Exchange(ref _corrupt, frames);

    /// <summary>Cuts so many frames to come short; the connection ends with each.</summary>
    public void Truncate(int frames) => Interlocked.Exchange(ref _truncate, frames);

    /// <summary>Whether this frame is one to corrupt.</summary>
    public bool TakeCorruption() => Take(ref _corrupt);

    /// <summary>Whether this frame is one to cut short.</summary>
    public bool TakeTruncation() => Take(ref _truncate);

    /// <summary>As if nothing had been.</summary>
    public void Heal()
    {
        Cut = Stalled = false;
        DelayMilliseconds = LossPerMille = BytesPerSecond = 0;
        Corrupt(0);
        Truncate(0);
    }

    private bool Take(ref int left)
    {
        if (Volatile.Read(ref left) <= 0 || Interlocked.Decrement(ref left) < 0)
            return false;
        Spoilt++;
        return true;
    }
}
