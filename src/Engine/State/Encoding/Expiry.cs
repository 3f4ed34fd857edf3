using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.State.Encoding;

/// <summary>What a command does with a key's expiry time. On the wire: mode (1 byte), then for <see cref="ExpiryMode.At"/> the time or <see cref="ExpiryMode.After"/> the duration (8 bytes).</summary>
public readonly record struct Expiry
{
    private Expiry(ExpiryMode mode, long time) => (Mode, Time) = (mode, time);

    /// <summary>The key does not expire; an expiry that it had is removed.</summary>
    public static Expiry None => default;

    /// <summary>The key keeps the expiry that it has; a new key has none.</summary>
    public static Expiry Keep => new(ExpiryMode.Keep, 0);

    /// <summary>The key expires when state-machine time reaches <paramref name="time"/> (milliseconds since the Unix epoch); at once if it has already.</summary>
    public static Expiry At(long time) => new(ExpiryMode.At, time);

    /// <summary>
    /// The key expires <paramref name="milliseconds"/> after state-machine time of the entry that says so; at once if that is not more than 0.
    /// The time of the log alone counts: neither the caller's clock nor any wall clock comes in.
    /// </summary>
    public static Expiry After(long milliseconds) => new(ExpiryMode.After, milliseconds);

    /// <summary>What to do.</summary>
    public ExpiryMode Mode { get; }

    /// <summary>Milliseconds: since the Unix epoch for <see cref="ExpiryMode.At"/>, of duration for <see cref="ExpiryMode.After"/>.</summary>
    public long Time { get; }

    /// <summary>Whether it gives the key a time to expire at.</summary>
    internal bool IsTime => Mode is ExpiryMode.At or ExpiryMode.After;

    /// <summary>The time that a record gets, 0 for never.</summary>
    /// <param name="now">State-machine time.</param>
    /// <param name="before">The time that the record had, 0 for never.</param>
    internal long Resolve(long now, long before) => Mode switch
    {
        ExpiryMode.Keep => before,
        ExpiryMode.At => Time,
        ExpiryMode.After => Time > long.MaxValue - Math.Max(now, 0) ? long.MaxValue : now + Time,
        _ => 0,
    };

    internal void Write(PooledBuffer into)
    {
        into.WriteByte((byte)Mode);
        if (IsTime)
            into.WriteInt64(Time);
    }

    internal static bool TryRead(ref ByteReader reader, out Expiry expiry)
    {
        expiry = default;
        if (!reader.TryReadByte(out var mode) || mode > (byte)ExpiryMode.After)
            return false;
        var time = 0L;
        if (mode >= (byte)ExpiryMode.At && !reader.TryReadInt64(out time))
            return false;
        expiry = new Expiry((ExpiryMode)mode, time);
        return true;
    }
}

/// <summary>The cases of <see cref="Expiry"/>. Persisted in logs: numbers are never changed.</summary>
public enum ExpiryMode : byte
{
    /// <summary>No expiry.</summary>
    None = 0,

    /// <summary>Whatever the key has.</summary>
    Keep = 1,

    /// <summary>A time.</summary>
    At = 2,

    /// <summary>A duration, from state-machine time of the entry.</summary>
    After = 3,
}
