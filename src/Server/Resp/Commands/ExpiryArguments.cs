using RaftKv.Engine.Commands;

namespace RaftKv.Server.Resp.Commands;

/// <summary>How an expiry time is given.</summary>
internal enum ExpiryUnit
{
    /// <summary>Seconds from now.</summary>
    Seconds,

    /// <summary>Milliseconds from now.</summary>
    Milliseconds,

    /// <summary>Seconds since the Unix epoch.</summary>
    UnixSeconds,

    /// <summary>Milliseconds since the Unix epoch.</summary>
    UnixMilliseconds,
}

/// <summary>Turns expiry arguments into the absolute times that the state machine knows: apply has no clock, so what is relative is resolved here, once.</summary>
internal static class ExpiryArguments
{
    /// <summary>The unit that an option word stands for, or null.</summary>
    public static ExpiryUnit? UnitOf(RespArguments a, int index) =>
        a.Is(index, "EX"u8) ? ExpiryUnit.Seconds
        : a.Is(index, "PX"u8) ? ExpiryUnit.Milliseconds
        : a.Is(index, "EXAT"u8) ? ExpiryUnit.UnixSeconds
        : a.Is(index, "PXAT"u8) ? ExpiryUnit.UnixMilliseconds
        : null;

    /// <summary>Reads a time; returns the error that it deserves, or null.</summary>
    public static string? Read(RespSession session, ReadOnlySpan<byte> text, ExpiryUnit unit, bool mustBePositive, string command, out Expiry expiry)
    {
        expiry = default;
        if (!RespNumbers.TryParse(text, out var value))
            return Replies.NotAnInteger;
        var inSeconds = unit is ExpiryUnit.Seconds or ExpiryUnit.UnixSeconds;
        if ((mustBePositive && value <= 0) || (inSeconds && value is > long.MaxValue / 1000 or < long.MinValue / 1000))
            return Invalid(command);
        if (inSeconds)
            value *= 1000;
        if (unit is ExpiryUnit.Seconds or ExpiryUnit.Milliseconds)
        {
            var now = session.Now;
            if (value > long.MaxValue - now)
                return Invalid(command);
            value += now;
        }
        expiry = Expiry.At(value);
        return null;
    }

    private static string Invalid(string command) => $"ERR invalid expire time in '{command}' command";
}
