using RaftKv.Engine.State;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Server.Resp.Execution;

/// <summary>Reply formats that several commands share, and the words for what went wrong.</summary>
internal static class Replies
{
    public const string NotAnInteger = "ERR value is not an integer or out of range";
    public const string NotAFloat = "ERR value is not a valid float";
    public const string Syntax = "ERR syntax error";
    public const string NoSuchKey = "ERR no such key";
    public const string TooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

    public static readonly ReplyFormat Ok = static (RespSession s, RespOperation _, in ReplyPlan plan, ref ResultCursor results) =>
    {
        var result = results.Next();
        // Of several commands, the first that failed is the answer.
        for (var i = 1; i < plan.Count; i++)
        {
            var next = results.Next();
            if (result.Status == ResultStatus.Ok)
                result = next;
        }
        if (!Fails(s, result))
            s.Writer.Ok();
        return true;
    };

    public static readonly ReplyFormat Number = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (!Fails(s, result))
            s.Writer.Integer(result.Number);
        return true;
    };

    /// <summary>OK, or null if the condition did not hold.</summary>
    public static readonly ReplyFormat OkOrNull = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.ConditionFailed)
            s.Writer.Null();
        else if (!Fails(s, result))
            s.Writer.Ok();
        return true;
    };

    /// <summary>1, or 0 if the condition did not hold.</summary>
    public static readonly ReplyFormat OneOrZero = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.ConditionFailed)
            s.Writer.Integer(0);
        else if (!Fails(s, result))
            s.Writer.Integer(1);
        return true;
    };

    /// <summary>The value before a put, whether the put took place or not.</summary>
    public static readonly ReplyFormat OldValue = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status is not (ResultStatus.Ok or ResultStatus.ConditionFailed))
            Fails(s, result);
        else if (result.OldExisted)
            s.Writer.Bulk(result.OldValue);
        else
            s.Writer.Null();
        return true;
    };

    /// <summary>The value of a record, or null.</summary>
    public static readonly ReplyFormat Value = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.NotFound)
            s.Writer.Null();
        else if (!Fails(s, result))
            s.Writer.Bulk(result.Value);
        return true;
    };

    /// <summary>Values of several records.</summary>
    public static readonly ReplyFormat Values = static (RespSession s, RespOperation operation, in ReplyPlan plan, ref ResultCursor results) =>
    {
        s.Writer.Array(plan.Count);
        for (var i = 0; i < plan.Count; i++)
            Value(s, operation, plan, ref results);
        return true;
    };

    /// <summary>How many of several records are there.</summary>
    public static readonly ReplyFormat Found = static (RespSession s, RespOperation _, in ReplyPlan plan, ref ResultCursor results) =>
    {
        var found = 0;
        for (var i = 0; i < plan.Count; i++)
            found += results.Next().Status == ResultStatus.Ok ? 1 : 0;
        s.Writer.Integer(found);
        return true;
    };

    /// <summary>Whatever the plan's record format makes of a record.</summary>
    public static readonly ReplyFormat OfRecord = static (RespSession s, RespOperation _, in ReplyPlan plan, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.NotFound || !Fails(s, result))
            plan.Record!(s, plan, RecordView.Of(results.Group, result));
        return true;
    };

    /// <summary>Answers with an error and returns true unless the command succeeded.</summary>
    public static bool Fails(RespSession session, CommandResult result)
    {
        if (result.Status == ResultStatus.Ok)
            return false;
        session.Writer.Error(Describe(result));
        return true;
    }

    /// <summary>A status that means the same whatever the command was.</summary>
    public static bool IsRefusal(ResultStatus status) =>
        status is ResultStatus.UnknownSession or ResultStatus.Forgotten or ResultStatus.Cancelled or ResultStatus.Malformed
            or ResultStatus.LimitExceeded or ResultStatus.Skipped;

    public static string Describe(CommandResult result) => result.Status switch
    {
        ResultStatus.NotFound => NoSuchKey,
        ResultStatus.ConditionFailed => "ERR a condition did not hold; nothing was changed",
        ResultStatus.NotAnInteger => NotAnInteger,
        ResultStatus.NotAFloat => NotAFloat,
        ResultStatus.Overflow => "ERR increment or decrement would overflow",
        ResultStatus.TooLarge => TooLong,
        ResultStatus.UnknownSession => "TRYAGAIN the node's session has ended; the command was not applied now",
        ResultStatus.Forgotten => "UNKNOWN the request is too old to know whether it was applied; it was not applied now",
        ResultStatus.Cancelled => "ERR the request was settled as never to be applied",
        ResultStatus.LimitExceeded => "ERR " + CommandLimits.Describe(result.Bound),
        ResultStatus.Skipped => "ERR the command could not be applied because of a defect and was skipped by an operator; nothing was changed",
        _ => "ERR the cluster does not know this command; nothing was changed",
    };
}
