using RaftKv.Consensus.Groups;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Hosting.Requests;

/// <summary>What is checked before anything is proposed, and how refusals become exceptions.</summary>
internal static class TenantChecks
{
    public static void Key(CommandLimits limits, int length)
    {
        if (limits.CheckKey(length) is { } sentence)
            throw new ArgumentException(sentence);
    }

    public static void Value(CommandLimits limits, int length)
    {
        if (limits.CheckValue(length) is { } sentence)
            throw new ArgumentException(sentence);
    }

    /// <summary>For the length of an encoded command.</summary>
    public static void Command(int length)
    {
        if (length > CommandLimits.CommandCeiling)
            throw new LimitExceededException(CommandLimits.Describe(CommandBound.Command));
    }

    public static PutCondition Condition(in WriteOptions options) => options.Condition switch
    {
        WriteCondition.None => PutCondition.None,
        WriteCondition.IfAbsent => PutCondition.IfAbsent,
        WriteCondition.IfPresent => PutCondition.IfPresent,
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Condition, "Condition must be None, IfAbsent or IfPresent."),
    };

    public static Expiry Expiry(in WriteOptions options)
    {
        if (options.ExpiresAfter is not { } after)
            return options.KeepExpiry ? Engine.State.Encoding.Expiry.Keep : Engine.State.Encoding.Expiry.None;
        if (options.KeepExpiry)
            throw new ArgumentException("ExpiresAfter and KeepExpiry exclude each other.", nameof(options));
        if (after < TimeSpan.FromMilliseconds(1))
            throw new ArgumentOutOfRangeException(nameof(options), after, "ExpiresAfter must be at least one millisecond.");
        return Engine.State.Encoding.Expiry.After((long)after.TotalMilliseconds);
    }

    /// <summary>The expiry of an increment: what the key has, unless another one is asked for.</summary>
    public static Expiry ExpiryOrKeep(in WriteOptions options) => options.ExpiresAfter is null ? Engine.State.Encoding.Expiry.Keep : Expiry(options);

    /// <summary>For operations that have a condition of their own, or none.</summary>
    public static void NoCondition(in WriteOptions options)
    {
        if (options.Condition != WriteCondition.None)
            throw new ArgumentException($"Condition is {options.Condition}; only a put obeys it.", nameof(options));
    }

    /// <summary>For the parts of a batch.</summary>
    public static void NoTimeout(in WriteOptions options)
    {
        if (options.Timeout is not null)
            throw new ArgumentException("Timeout is set on a part of a batch; a batch has one time, given to BatchAsync.", nameof(options));
    }

    public static OperationKind Kind(ReadConsistency consistency) => consistency switch
    {
        ReadConsistency.Linearizable => OperationKind.Read,
        ReadConsistency.Stale => OperationKind.StaleRead,
        _ => throw new ArgumentOutOfRangeException(nameof(consistency), consistency, "Consistency must be Linearizable or Stale."),
    };

    public static long Nanoseconds(TimeSpan? timeout, TimeSpan otherwise)
    {
        var time = timeout ?? otherwise;
        if (time <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(timeout), time, "Timeout must be more than zero.");
        return time.Ticks > long.MaxValue / 400 ? long.MaxValue / 4 : time.Ticks * TimeSpan.NanosecondsPerTick;
    }

    /// <summary>Throws unless the operation was completed.</summary>
    public static void Ended(Operation operation)
    {
        if (operation.Status == OperationStatus.Completed)
            return;
        var reason = operation.Reason ?? "no reason was given";
        throw operation.Status == OperationStatus.OutcomeUnknown
            ? new OutcomeUnknownException($"The outcome of write {operation.Request} on group {operation.Group} is not known: {reason}.", operation.Request)
            : new UnavailableException($"Group {operation.Group} could not serve the request, which had no effect: {reason}.");
    }

    /// <summary>The exception for a result that is neither Ok nor one that the caller handles.</summary>
    public static Exception Refused(CommandResult result, RequestId request) => result.Status switch
    {
        ResultStatus.NotAnInteger => new WrongValueException("The value is not a decimal 64-bit integer."),
        ResultStatus.NotAFloat => new WrongValueException("The value is not a decimal number."),
        ResultStatus.Overflow => new WrongValueException("The result would be out of range."),
        ResultStatus.TooLarge => new WrongValueException("A key or value would be longer than the store's format allows."),
        ResultStatus.Cancelled => new UnavailableException($"Write {request} was settled as never to be applied before it arrived."),
        ResultStatus.Forgotten or ResultStatus.UnknownSession => new OutcomeUnknownException($"Write {request} is older than what its group remembers.", request),
        ResultStatus.LimitExceeded => new LimitExceededException(CommandLimits.Describe(result.Bound) + " Nothing was changed."),
        ResultStatus.Skipped => new RaftKvException($"Write {request} could not be applied because of a defect and was skipped by an operator; nothing was changed."),
        _ => new RaftKvException($"The group refused the request as {result.Status}; the nodes may run different versions."),
    };
}
