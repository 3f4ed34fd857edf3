using System.Buffers.Text;
using System.Globalization;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>KEYS, SCAN, RANDOMKEY, DBSIZE. Keys come in byte order, so a key that is there throughout a scan is met exactly once.</summary>
internal static class ScanCommands
{
    private const uint PageCount = 5_000;
    private const uint PageBytes = 1 << 20;

    private sealed class KeysState(GlobPattern pattern)
    {
        public GlobPattern Pattern { get; } = pattern;

        public PooledBuffer Found { get; } = new();

        public int Count { get; set; }
    }

    private sealed record ScanState(GlobPattern? Pattern, bool NoType);

    private static readonly ReplyFormat KeysReply = static (RespSession s, RespOperation operation, in ReplyPlan plan, ref ResultCursor results) =>
    {
        var state = (KeysState)plan.State!;
        var result = results.Next();
        if (Replies.Fails(s, result))
        {
            state.Found.Dispose();
            return true;
        }
        var page = result.Scan;
        var collector = new RespWriter(state.Found);
        while (page.MoveNext())
        {
            if (!state.Pattern.Matches(page.Key))
                continue;
            collector.Bulk(page.Key);
            state.Count++;
        }
        if (state.Found.Length > CommandLimits.ResultCeiling)
        {
            s.Writer.Error($"ERR the keys would be more than the limit of {CommandLimits.ResultCeiling} bytes; SCAN lists any number");
            state.Found.Dispose();
            return true;
        }
        if (page.HasMore)
        {
            operation.Command.Clear();
            ScanCommand.Encode(operation.Command, state.Pattern.LiteralPrefix, page.Cursor, true, [], PageCount, PageBytes, keysOnly: true);
            return false;
        }
        s.Writer.Array(state.Count);
        s.Writer.Raw(state.Found.Span);
        state.Found.Dispose();
        return true;
    };

    private static readonly ReplyFormat ScanReply = static (RespSession s, RespOperation _, in ReplyPlan plan, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (Replies.Fails(s, result))
            return true;
        var state = (ScanState)plan.State!;
        var page = result.Scan;
        var cursor = page.HasMore ? s.Server.Cursors.Add(page.Cursor) : 0;
        s.Writer.Array(2);
        s.Writer.Bulk(cursor.ToString(CultureInfo.InvariantCulture));
        using var found = new PooledBuffer();
        var collector = new RespWriter(found);
        var count = 0;
        while (page.MoveNext())
        {
            if (state.NoType || (state.Pattern is not null && !state.Pattern.Matches(page.Key)))
                continue;
            collector.Bulk(page.Key);
            count++;
        }
        s.Writer.Array(count);
        s.Writer.Raw(found.Span);
        return true;
    };

    private static readonly ReplyFormat KeyReply = static (RespSession s, RespOperation _, in ReplyPlan _, ref ResultCursor results) =>
    {
        var result = results.Next();
        if (result.Status == ResultStatus.NotFound)
            s.Writer.Null();
        else if (!Replies.Fails(s, result))
            s.Writer.Bulk(result.Body);
        return true;
    };

    /// <summary>Page after page until the end; the keys of a page are as of one moment, pages of different ones.</summary>
    public static ReplyPlan Keys(RespSession session, RespArguments a, CommandSink sink)
    {
        if (a[1].Length > GlobPattern.MaxBytes)
            return ReplyPlan.Fail(PatternTooLong(a[1].Length));
        var pattern = new GlobPattern(a[1]);
        ScanCommand.Encode(sink.Next(), pattern.LiteralPrefix, [], false, [], PageCount, PageBytes, keysOnly: true);
        return new() { Write = KeysReply, Count = 1, State = new KeysState(pattern) };
    }

    /// <summary>SCAN cursor [MATCH pattern] [COUNT n] [TYPE type]</summary>
    public static ReplyPlan Scan(RespSession session, RespArguments a, CommandSink sink)
    {
        if (!Utf8Parser.TryParse(a[1], out ulong cursor, out var used) || used != a[1].Length)
            return ReplyPlan.Fail("ERR invalid cursor");
        GlobPattern? pattern = null;
        var (count, noType) = (10L, false);
        for (var i = 2; i < a.Count; i += 2)
        {
            if (i + 1 >= a.Count)
                return ReplyPlan.Fail(Replies.Syntax);
            if (a.Is(i, "COUNT"u8))
            {
                if (!RespNumbers.TryParse(a[i + 1], out count))
                    return ReplyPlan.Fail(Replies.NotAnInteger);
                if (count < 1)
                    return ReplyPlan.Fail(Replies.Syntax);
            }
            else if (a.Is(i, "MATCH"u8))
            {
                if (a[i + 1].Length > GlobPattern.MaxBytes)
                    return ReplyPlan.Fail(PatternTooLong(a[i + 1].Length));
                pattern = new GlobPattern(a[i + 1]);
            }
            else if (a.Is(i, "TYPE"u8))
                noType = !a.Is(i + 1, "STRING"u8);
            else
                return ReplyPlan.Fail(Replies.Syntax);
        }
        var from = cursor == 0 ? [] : session.Server.Cursors.Find(cursor);
        if (from is null)
            return ReplyPlan.Fail("ERR this cursor is not known to this node (any more); scan again from 0");
        ScanCommand.Encode(sink.Next(), pattern is null ? [] : pattern.LiteralPrefix, from, cursor != 0, [], (uint)Math.Min(count, PageCount), PageBytes, keysOnly: true);
        return new() { Write = ScanReply, Count = 1, State = new ScanState(pattern, noType) };
    }

    public static ReplyPlan RandomKey(RespSession session, RespArguments a, CommandSink sink)
    {
        KeyAtCommand.Encode(sink.Next(), (ulong)Random.Shared.NextInt64(long.MaxValue));
        return ReplyPlan.Of(KeyReply);
    }

    public static ReplyPlan DbSize(RespSession session, RespArguments a, CommandSink sink)
    {
        CountCommand.Encode(sink.Next());
        return ReplyPlan.Of(Replies.Number);
    }

    private static string PatternTooLong(int length) => $"ERR a pattern of {length} bytes is longer than the limit of {GlobPattern.MaxBytes} bytes";
}
