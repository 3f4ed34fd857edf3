using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>Commands on keys as such, and on their expiry.</summary>
internal static class KeyCommands
{
    private static readonly ReplyFormat RenameReply = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        if (!Replies.Fails(s, results.Next()))
            s.Writer.Ok();
        return true;
    };

    private static readonly ReplyFormat CopyReply = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.NotFound)
            s.Writer.Integer(0);
        else if (!Replies.Fails(s, result))
            s.Writer.Integer(result.Number);
        return true;
    };

    private static readonly ReplyFormat CountReply = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        if (!Replies.Fails(s, results.Next()))
            s.Writer.Ok();
        return true;
    };

    private static readonly RecordFormat OneIfFound = static (RespSession s, in ReplyPlan _, RecordView record) => s.Writer.Integer(record.Found ? 1 : 0);

    private static readonly RecordFormat TypeName = static (RespSession s, in ReplyPlan _, RecordView record) => s.Writer.Simple(record.Found ? "string"u8 : "none"u8);

    private static readonly RecordFormat Encoding = static (RespSession s, in ReplyPlan plan, RecordView record) =>
    {
        if (!record.Found)
            s.Writer.Null();
        else
            s.Writer.Bulk(RespNumbers.TryParse(record.Value, out _) ? "int"u8 : record.Value.Length <= 44 ? "embstr"u8 : "raw"u8);
    };

    private static readonly RecordFormat NumberIfFound = static (RespSession s, in ReplyPlan plan, RecordView record) =>
    {
        if (record.Found)
            s.Writer.Integer(plan.A);
        else
            s.Writer.Null();
    };

    // A is 1 for milliseconds and 1000 for seconds; B is 1 if the time itself is asked for rather than what is left.
    private static readonly RecordFormat TimeLeft = static (RespSession s, in ReplyPlan plan, RecordView record) =>
    {
        if (!record.Found || record.ExpireAt == 0)
        {
            s.Writer.Integer(record.Found ? -1 : -2);
            return;
        }
        // The state machine decides when a key is gone: it may be overdue, but never by less than nothing.
        var now = s.Server.Executor.TimeOf(record.Group);
        var time = plan.B == 1 ? now.ToWall(record.ExpireAt) : Math.Max(record.ExpireAt - now.Now, 0);
        s.Writer.Integer(plan.A == 1 ? time : time / 1000 + (time % 1000 >= 500 ? 1 : 0));
    };

    public static ReplyPlan Del(RespSession session, RespArguments a, CommandSink sink)
    {
        var into = sink.Next();
        DeleteCommand.EncodeEmpty(into);
        for (var i = 1; i < a.Count; i++)
            DeleteCommand.AddKey(into, a[i]);
        return ReplyPlan.Of(Replies.Number);
    }

    /// <summary>EXISTS and TOUCH: how many of the keys are there, one named twice counting twice.</summary>
    public static ReplyPlan Exists(RespSession session, RespArguments a, CommandSink sink)
    {
        for (var i = 1; i < a.Count; i++)
            GetCommand.Encode(sink.Next(), a[i], headerOnly: true);
        return ReplyPlan.Of(Replies.Found, a.Count - 1);
    }

    public static ReplyPlan ExistsOne(RespArguments a) => new() { Write = Replies.OfRecord, Record = OneIfFound };

    public static ReplyPlan Type(RespArguments a) => new() { Write = Replies.OfRecord, Record = TypeName };

    public static ReplyPlan Ttl(RespArguments a) => new() { Write = Replies.OfRecord, Record = TimeLeft, A = 1000 };

    public static ReplyPlan PTtl(RespArguments a) => new() { Write = Replies.OfRecord, Record = TimeLeft, A = 1 };

    public static ReplyPlan ExpireTime(RespArguments a) => new() { Write = Replies.OfRecord, Record = TimeLeft, A = 1000, B = 1 };

    public static ReplyPlan PExpireTime(RespArguments a) => new() { Write = Replies.OfRecord, Record = TimeLeft, A = 1, B = 1 };

    /// <summary>OBJECT ENCODING | REFCOUNT | IDLETIME | FREQ key</summary>
    public static ReplyPlan Object(RespArguments a)
    {
        if (a.Count != 3 && (a.Is(1, "ENCODING"u8) || a.Is(1, "REFCOUNT"u8) || a.Is(1, "IDLETIME"u8) || a.Is(1, "FREQ"u8)))
            return ReplyPlan.Fail($"ERR wrong number of arguments for 'object|{System.Text.Encoding.ASCII.GetString(a[1]).ToLowerInvariant()}' command");
        if (a.Is(1, "ENCODING"u8))
            return new() { Write = Replies.OfRecord, Record = Encoding };
        if (a.Is(1, "REFCOUNT"u8))
            return new() { Write = Replies.OfRecord, Record = NumberIfFound, A = 1 };
        if (a.Is(1, "IDLETIME"u8))
            return new() { Write = Replies.OfRecord, Record = NumberIfFound, A = 0 };
        if (a.Is(1, "FREQ"u8))
            return ReplyPlan.Fail("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.");
        return ReplyPlan.Fail(CommandIndex.UnknownSubcommand(a));
    }

    public static ReplyPlan Rename(RespSession session, RespArguments a, CommandSink sink)
    {
        RenameCommand.Encode(sink.Next(), a[1], a[2]);
        return ReplyPlan.Of(RenameReply);
    }

    public static ReplyPlan RenameNx(RespSession session, RespArguments a, CommandSink sink)
    {
        RenameCommand.Encode(sink.Next(), a[1], a[2], onlyIfAbsent: true);
        return ReplyPlan.Of(Replies.Number);
    }

    /// <summary>COPY source destination [DB 0] [REPLACE]</summary>
    public static ReplyPlan Copy(RespSession session, RespArguments a, CommandSink sink)
    {
        var replace = false;
        for (var i = 3; i < a.Count; i++)
        {
            if (a.Is(i, "REPLACE"u8))
                replace = true;
            else if (a.Is(i, "DB"u8) && i + 1 < a.Count)
            {
                if (!RespNumbers.TryParse(a[++i], out var database))
                    return ReplyPlan.Fail(Replies.NotAnInteger);
                if (database != 0)
                    return ReplyPlan.Fail("ERR DB index is out of range");
            }
            else
                return ReplyPlan.Fail(Replies.Syntax);
        }
        if (a[1].SequenceEqual(a[2]))
            return ReplyPlan.Fail("ERR source and destination objects are the same");
        RenameCommand.Encode(sink.Next(), a[1], a[2], onlyIfAbsent: !replace, copy: true);
        return ReplyPlan.Of(CopyReply);
    }

    public static ReplyPlan Expire(RespSession session, RespArguments a, CommandSink sink) => Expire(session, a, sink, ExpiryUnit.Seconds, "expire");

    public static ReplyPlan PExpire(RespSession session, RespArguments a, CommandSink sink) => Expire(session, a, sink, ExpiryUnit.Milliseconds, "pexpire");

    public static ReplyPlan ExpireAt(RespSession session, RespArguments a, CommandSink sink) => Expire(session, a, sink, ExpiryUnit.UnixSeconds, "expireat");

    public static ReplyPlan PExpireAt(RespSession session, RespArguments a, CommandSink sink) => Expire(session, a, sink, ExpiryUnit.UnixMilliseconds, "pexpireat");

    public static ReplyPlan Persist(RespSession session, RespArguments a, CommandSink sink)
    {
        ExpireCommand.Encode(sink.Next(), a[1], Expiry.None);
        return ReplyPlan.Of(Replies.Number);
    }

    /// <summary>FLUSHDB and FLUSHALL [ASYNC | SYNC]: the same, since there is one database, and always done when the reply comes.</summary>
    public static ReplyPlan Flush(RespSession session, RespArguments a, CommandSink sink)
    {
        if (a.Count > 2 || (a.Count == 2 && !a.Is(1, "ASYNC"u8) && !a.Is(1, "SYNC"u8)))
            return ReplyPlan.Fail(Replies.Syntax);
        ClearCommand.Encode(sink.Next());
        return ReplyPlan.Of(CountReply);
    }

    private static ReplyPlan Expire(RespSession session, RespArguments a, CommandSink sink, ExpiryUnit unit, string name)
    {
        var (nx, xx, gt, lt) = (false, false, false, false);
        for (var i = 3; i < a.Count; i++)
        {
            if (a.Is(i, "NX"u8))
                nx = true;
            else if (a.Is(i, "XX"u8))
                xx = true;
            else if (a.Is(i, "GT"u8))
                gt = true;
            else if (a.Is(i, "LT"u8))
                lt = true;
            else
                return ReplyPlan.Fail($"ERR Unsupported option {System.Text.Encoding.UTF8.GetString(a[i])}");
        }
        if (nx && (xx || gt || lt))
            return ReplyPlan.Fail("ERR NX and XX, GT or LT options at the same time are not compatible");
        if (gt && lt)
            return ReplyPlan.Fail("ERR GT and LT options at the same time are not compatible");
        if (ExpiryArguments.Read(session, a[1], a[2], unit, mustBePositive: false, name, out var expiry) is { } error)
            return ReplyPlan.Fail(error);
        // XX GT is GT: a key without expiry counts as expiring never, which nothing is later than.
        var condition = nx ? ExpireCondition.IfNone
            : gt ? ExpireCondition.IfLater
            : lt ? (xx ? ExpireCondition.IfSomeAndEarlier : ExpireCondition.IfEarlier)
            : xx ? ExpireCondition.IfSome : ExpireCondition.None;
        ExpireCommand.Encode(sink.Next(), a[1], expiry, condition);
        return ReplyPlan.Of(Replies.Number);
    }
}
