namespace RaftKv.Engine.State;

/// <summary>How a command ended, decided by the state machine and equal on every replica. First byte of every encoded result; numbers are never changed.</summary>
public enum ResultStatus : byte
{
    /// <summary>It did what it says.</summary>
    Ok = 0,

    /// <summary>The key that it needs is not there.</summary>
    NotFound = 1,

    /// <summary>A condition did not hold; nothing was changed.</summary>
    ConditionFailed = 2,

    /// <summary>The value is not an integer, or out of range.</summary>
    NotAnInteger = 3,

    /// <summary>The value is not a floating-point number.</summary>
    NotAFloat = 4,

    /// <summary>The result would overflow, or not be a number.</summary>
    Overflow = 5,

    /// <summary>A key or value would be longer than allowed.</summary>
    TooLarge = 6,

    /// <summary>The session is not known (any more); the command was not applied now.</summary>
    UnknownSession = 7,

    /// <summary>The request is older than what the session remembers: it was not applied now, whether it was before is not known.</summary>
    Forgotten = 8,

    /// <summary>The request was settled as never to be applied.</summary>
    Cancelled = 9,

    /// <summary>The bytes are not a command that this version knows; nothing was changed.</summary>
    Malformed = 10,

    /// <summary>The command would have read, written or returned more than a ceiling allows; nothing was changed. The result's body names the ceiling: <see cref="CommandBound"/> (1 byte).</summary>
    LimitExceeded = 11,

    /// <summary>The command could not be applied because of a defect, and an operator had its entry skipped; nothing was changed.</summary>
    Skipped = 12,
}
