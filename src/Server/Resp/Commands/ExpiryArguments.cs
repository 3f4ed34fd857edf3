using RaftKv.Engine.State.Encoding;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

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

/// <summary>
/// Turns expiry arguments into what the state machine knows. What is relative stays so, and is counted from the time that its entry gets: no clock of a client's or of this node's comes in.
/// A date is one of the wall clocks of a majority of the nodes, and becomes the group's time here (<see cref="RaftKv.Consensus.Groups.GroupTime"/>).
/// </summary>
internal static class ExpiryArguments
{
    /// <summary>The unit that an option word stands for, or null.</summary>
    public static ExpiryUnit? UnitOf(RespArguments a, int index) =>
        a.Is(index, "EX"u8) ? ExpiryUnit.Seconds
        : a.Is(index, "PX"u8) ? ExpiryUnit.Milliseconds
        : a.Is(index, "EXAT"u8) ? ExpiryUnit.UnixSeconds
        : a.Is(index, "PXAT"u8) ? ExpiryUnit.UnixMilliseconds
        : null;

    /// <summary>Reads the time at which a key is to expire; returns the error that it deserves, or null.</summary>
    public static string? Read(RespSession session, ReadOnlySpan<byte> key, ReadOnlySpan<byte> text, ExpiryUnit unit, bool mustBePositive, string command, out Expiry expiry)
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
            if (value > long.MaxValue - Math.Max(session.TimeOf(key).Now, 0))
                return Invalid(command);
            expiry = Expiry.After(value);
            return null;
        }
        expiry = Expiry.At(session.TimeOf(key).FromWall(value));
        return null;
    }

    private static string Invalid(string command) => $"ERR invalid expire time in '{command}' command";
}
