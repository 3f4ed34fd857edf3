using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>Commands on values.</summary>
internal static class StringCommands
{
    private static readonly ReplyFormat FloatReply = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.Overflow)
            s.Writer.Error("ERR increment would produce NaN or Infinity");
        else if (!Replies.Fails(s, result))
            s.Writer.Bulk(result.Body);
        return true;
    };

    private static readonly RecordFormat ValueOrNull = static (RespSession s, in ReplyPlan _, RecordView record) =>
    {
        if (record.Found)
            s.Writer.Bulk(record.Value);
        else
            s.Writer.Null();
    };

    private static readonly RecordFormat Length = static (RespSession s, in ReplyPlan _, RecordView record) => s.Writer.Integer(record.Value.Length);

    private static readonly RecordFormat Range = static (RespSession s, in ReplyPlan plan, RecordView record) =>
    {
        var length = record.Value.Length;
        var (start, end) = (plan.A, plan.B);
        // As Redis: two negative positions in the wrong order are nothing, whatever they would be cut to.
        if (length == 0 || (start < 0 && end < 0 && start > end))
        {
            s.Writer.Bulk([]);
            return;
        }
        start = Math.Max(start < 0 ? start + length : start, 0);
        end = Math.Min(Math.Max(end < 0 ? end + length : end, 0), length - 1);
        s.Writer.Bulk(start > end ? [] : record.Value[(int)start..(int)(end + 1)]);
    };

    /// <summary>SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]</summary>
    public static ReplyPlan Set(RespSession session, RespArguments a, CommandSink sink)
    {
        if (a.Count == 3)
        {
            PutCommand.Encode(sink.Next(), a[1], a[2]);
            return ReplyPlan.Of(Replies.Ok);
        }
        var (condition, expiry, returnOld) = (PutCondition.None, Expiry.None, false);
        for (var i = 3; i < a.Count; i++)
        {
            if (a.Is(i, "NX"u8) && condition != PutCondition.IfPresent)
                condition = PutCondition.IfAbsent;
            else if (a.Is(i, "XX"u8) && condition != PutCondition.IfAbsent)
                condition = PutCondition.IfPresent;
            else if (a.Is(i, "GET"u8))
                returnOld = true;
            else if (a.Is(i, "KEEPTTL"u8) && expiry == Expiry.None)
                expiry = Expiry.Keep;
            else if (expiry == Expiry.None && i + 1 < a.Count && ExpiryArguments.UnitOf(a, i) is { } unit)
            {
                if (ExpiryArguments.Read(session, a[1], a[++i], unit, mustBePositive: true, "set", out expiry) is { } error)
                    return ReplyPlan.Fail(error);
            }
            else
                return ReplyPlan.Fail(Replies.Syntax);
        }
        PutCommand.Encode(sink.Next(), a[1], a[2], condition, 0, expiry, returnOld);
        return ReplyPlan.Of(returnOld ? Replies.OldValue : Replies.OkOrNull);
    }

    public static ReplyPlan SetNx(RespSession session, RespArguments a, CommandSink sink)
    {
        PutCommand.Encode(sink.Next(), a[1], a[2], PutCondition.IfAbsent);
        return ReplyPlan.Of(Replies.OneOrZero);
    }

    public static ReplyPlan SetEx(RespSession session, RespArguments a, CommandSink sink) => SetExpiring(session, a, sink, ExpiryUnit.Seconds, "setex");

    public static ReplyPlan PSetEx(RespSession session, RespArguments a, CommandSink sink) => SetExpiring(session, a, sink, ExpiryUnit.Milliseconds, "psetex");

    public static ReplyPlan GetSet(RespSession session, RespArguments a, CommandSink sink)
    {
        PutCommand.Encode(sink.Next(), a[1], a[2], returnOld: true);
        return ReplyPlan.Of(Replies.OldValue);
    }

    public static ReplyPlan GetDel(RespSession session, RespArguments a, CommandSink sink)
    {
        GetDeleteCommand.Encode(sink.Next(), a[1]);
        return ReplyPlan.Of(Replies.Value);
    }

    /// <summary>GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]</summary>
    public static ReplyPlan GetEx(RespSession session, RespArguments a, CommandSink sink)
    {
        var expiry = Expiry.Keep;
        for (var i = 2; i < a.Count; i++)
        {
            if (expiry != Expiry.Keep)
                return ReplyPlan.Fail(Replies.Syntax);
            if (a.Is(i, "PERSIST"u8))
                expiry = Expiry.None;
            else if (i + 1 < a.Count && ExpiryArguments.UnitOf(a, i) is { } unit)
            {
                // Syntax first, as Redis does: a trailing word is found before the number is looked at.
                if (i + 2 < a.Count)
                    return ReplyPlan.Fail(Replies.Syntax);
                if (ExpiryArguments.Read(session, a[1], a[++i], unit, mustBePositive: true, "getex", out expiry) is { } error)
                    return ReplyPlan.Fail(error);
            }
            else
                return ReplyPlan.Fail(Replies.Syntax);
        }
        GetExpireCommand.Encode(sink.Next(), a[1], expiry);
        return ReplyPlan.Of(Replies.Value);
    }

    public static ReplyPlan MGet(RespSession session, RespArguments a, CommandSink sink)
    {
        for (var i = 1; i < a.Count; i++)
            GetCommand.Encode(sink.Next(), a[i]);
        return ReplyPlan.Of(Replies.Values, a.Count - 1);
    }

    public static ReplyPlan MSet(RespSession session, RespArguments a, CommandSink sink)
    {
        if (a.Count % 2 == 0)
            return ReplyPlan.Fail("ERR wrong number of arguments for 'mset' command");
        for (var i = 1; i < a.Count; i += 2)
            PutCommand.Encode(sink.Next(), a[i], a[i + 1]);
        return ReplyPlan.Of(Replies.Ok, a.Count / 2);
    }

    /// <summary>All or none: a batch under the condition that every key is absent.</summary>
    public static ReplyPlan MSetNx(RespSession session, RespArguments a, CommandSink sink)
    {
        if (a.Count % 2 == 0)
            return ReplyPlan.Fail("ERR wrong number of arguments for 'msetnx' command");
        for (var i = 1; i < a.Count; i += 2)
        {
            sink.AddCondition(a[i], 0);
            PutCommand.Encode(sink.Next(), a[i], a[i + 1]);
        }
        return ReplyPlan.Of(static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
        {
            if (results.Top.Status == ResultStatus.ConditionFailed)
                s.Writer.Integer(0);
            else if (!Replies.Fails(s, results.Top))
                s.Writer.Integer(1);
            return true;
        });
    }

    public static ReplyPlan Append(RespSession session, RespArguments a, CommandSink sink)
    {
        AppendCommand.Encode(sink.Next(), a[1], a[2]);
        return ReplyPlan.Of(Replies.Number);
    }

    public static ReplyPlan SetRange(RespSession session, RespArguments a, CommandSink sink)
    {
        if (!RespNumbers.TryParse(a[2], out var offset))
            return ReplyPlan.Fail(Replies.NotAnInteger);
        if (offset < 0)
            return ReplyPlan.Fail("ERR offset is out of range");
        if (a[3].Length > 0 && offset > session.Server.Limits.MaxValueBytes - a[3].Length)
            return ReplyPlan.Fail(Replies.TooLong);
        SetRangeCommand.Encode(sink.Next(), a[1], (ulong)offset, a[3]);
        return ReplyPlan.Of(Replies.Number);
    }

    public static ReplyPlan Incr(RespSession session, RespArguments a, CommandSink sink) => Add(a[1], 1, sink);

    public static ReplyPlan Decr(RespSession session, RespArguments a, CommandSink sink) => Add(a[1], -1, sink);

    public static ReplyPlan IncrBy(RespSession session, RespArguments a, CommandSink sink) =>
        RespNumbers.TryParse(a[2], out var delta) ? Add(a[1], delta, sink) : ReplyPlan.Fail(Replies.NotAnInteger);

    public static ReplyPlan DecrBy(RespSession session, RespArguments a, CommandSink sink)
    {
        if (!RespNumbers.TryParse(a[2], out var delta))
            return ReplyPlan.Fail(Replies.NotAnInteger);
        return delta == long.MinValue ? ReplyPlan.Fail("ERR decrement would overflow") : Add(a[1], -delta, sink);
    }

    public static ReplyPlan IncrByFloat(RespSession session, RespArguments a, CommandSink sink)
    {
        if (!RespNumbers.TryParseFloat(a[2], out _))
            return ReplyPlan.Fail(Replies.NotAFloat);
        IncrementFloatCommand.Encode(sink.Next(), a[1], a[2]);
        return ReplyPlan.Of(FloatReply);
    }

    public static ReplyPlan Get(RespArguments a) => new() { Write = Replies.OfRecord, Record = ValueOrNull };

    public static ReplyPlan StrLen(RespArguments a) => new() { Write = Replies.OfRecord, Record = Length };

    public static ReplyPlan GetRange(RespArguments a)
    {
        if (!RespNumbers.TryParse(a[2], out var start) || !RespNumbers.TryParse(a[3], out var end))
            return ReplyPlan.Fail(Replies.NotAnInteger);
        return new() { Write = Replies.OfRecord, Record = Range, A = start, B = end };
    }

    private static ReplyPlan Add(ReadOnlySpan<byte> key, long delta, CommandSink sink)
    {
        IncrementCommand.Encode(sink.Next(), key, delta);
        return ReplyPlan.Of(Replies.Number);
    }

    private static ReplyPlan SetExpiring(RespSession session, RespArguments a, CommandSink sink, ExpiryUnit unit, string name)
    {
        if (ExpiryArguments.Read(session, a[1], a[2], unit, mustBePositive: true, name, out var expiry) is { } error)
            return ReplyPlan.Fail(error);
        PutCommand.Encode(sink.Next(), a[1], a[3], expiry: expiry);
        return ReplyPlan.Of(Replies.Ok);
    }
}
