using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Commands;

/// <summary>What a command does with a key's expiry time. On the wire: mode (1 byte), then for <see cref="ExpiryMode.At"/> the time (8 bytes).</summary>
public readonly record struct Expiry
{
    private Expiry(ExpiryMode mode, long time) => (Mode, Time) = (mode, time);

    /// <summary>The key does not expire; an expiry that it had is removed.</summary>
    public static Expiry None => default;

    /// <summary>The key keeps the expiry that it has; a new key has none.</summary>
    public static Expiry Keep => new(ExpiryMode.Keep, 0);

    /// <summary>The key expires when state-machine time reaches <paramref name="time"/> (milliseconds since the Unix epoch); at once if it has already.</summary>
    public static Expiry At(long time) => new(ExpiryMode.At, time);

    /// <summary>What to do.</summary>
    public ExpiryMode Mode { get; }

    /// <summary>Milliseconds since the Unix epoch; meaningful for <see cref="ExpiryMode.At"/>.</summary>
    public long Time { get; }

    internal void Write(PooledBuffer into)
    {
        into.WriteByte((byte)Mode);
        if (Mode == ExpiryMode.At)
            into.WriteInt64(Time);
    }

    internal static bool TryRead(ref ByteReader reader, out Expiry expiry)
    {
        expiry = default;
        if (!reader.TryReadByte(out var mode) || mode > (byte)ExpiryMode.At)
            return false;
        var time = 0L;
        if (mode == (byte)ExpiryMode.At && !reader.TryReadInt64(out time))
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
}
