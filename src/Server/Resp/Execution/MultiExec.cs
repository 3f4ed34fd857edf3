using System.Runtime.InteropServices;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// MULTI and WATCH of one connection. EXEC becomes one batch, one log entry, under the condition that every watched key has the revision that it had when it was watched.
/// Invariant: a watched key whose revision could not be learned can never satisfy EXEC.
/// </summary>
internal sealed class MultiExec : IDisposable
{
    private readonly record struct Queued(RespCommand Command, int FirstRange, int RangeCount, int Start);

    private readonly record struct Answer(ReplyPlan Plan, int Start, int Length);

    private sealed record Watched(byte[] Key)
    {
        // The entry that writes this revision cannot exist.
        public ulong Revision { get; set; } = ulong.MaxValue;
    }

    private static readonly ReplyFormat WriteAnswers = static (RespSession s, RespOperation operation, in ReplyPlan _, ref ResultCursor results) =>
    {
        s.MultiExec.Write(s, operation, ref results);
        return true;
    };

    private static readonly ReplyFormat WriteWatched = static (RespSession s, RespOperation _, in ReplyPlan plan, ref ResultCursor results) =>
    {
        var watches = (Watched[])plan.State!;
        foreach (var watch in watches)
        {
            var result = results.Next();
            if (result.Status is ResultStatus.Ok or ResultStatus.NotFound)
                watch.Revision = result.Status == ResultStatus.Ok ? result.Revision : 0;
        }
        s.Writer.Ok();
        return true;
    };

    /// <summary>What a queued command and each of its arguments cost beside their bytes, at least: neither may be free.</summary>
    private const int CommandCost = 64, ArgumentCost = 16;

    private const int KeptBytes = 64 << 10, KeptItems = 1024;

    private readonly PooledBuffer _bytes = new();
    private readonly List<ArgumentRange> _ranges = [];
    private readonly List<Queued> _queued = [];
    private readonly List<Watched> _watched = [];
    private readonly List<Answer> _answers = [];
    private readonly PooledBuffer _immediate = new();
    private long _watchedBytes;
    private bool _isSpoilt;

    /// <summary>What is kept for it, bytes.</summary>
    public long Bytes => _bytes.Capacity + _immediate.Capacity + _watchedBytes;

    /// <summary>Between MULTI and EXEC.</summary>
    public bool IsOpen { get; private set; }

    public void Open() => IsOpen = true;

    /// <summary>A command between MULTI and EXEC was refused: EXEC will be too.</summary>
    public void Spoil() => _isSpoilt |= IsOpen;

    /// <summary>Forgets everything.</summary>
    public void Discard()
    {
        Close();
        Unwatch();
    }

    public void Unwatch()
    {
        _watched.Clear();
        _watchedBytes = 0;
    }

    /// <summary>Keeps a command until EXEC.</summary>
    public void Queue(RespCommand command, RespArguments arguments, RespWriter writer, int maxBytes)
    {
        if ((command.Flags & CommandFlags.NoMulti) != 0)
        {
            Spoil();
            writer.Error("ERR Command not allowed inside a transaction");
            return;
        }
        var size = _bytes.Length + (CommandCost * (_queued.Count + 1L)) + (ArgumentCost * ((long)_ranges.Count + arguments.Count));
        for (var i = 0; i < arguments.Count; i++)
            size += arguments[i].Length;
        if (size > maxBytes)
        {
            Spoil();
            writer.Error($"ERR the transaction is longer than the limit of {maxBytes} bytes");
            return;
        }
        _queued.Add(new Queued(command, _ranges.Count, arguments.Count, _bytes.Length));
        for (var i = 0; i < arguments.Count; i++)
        {
            _ranges.Add(new ArgumentRange(_bytes.Length, arguments[i].Length));
            _bytes.Write(arguments[i]);
        }
        writer.Simple("QUEUED"u8);
    }

    /// <summary>WATCH: asks for the revisions of keys.</summary>
    public ReplyPlan Watch(RespArguments arguments, CommandSink sink, RespLimits limits)
    {
        if (_watched.Count + arguments.Count - 1 > limits.MaxWatchedKeys)
            return ReplyPlan.Fail($"ERR {_watched.Count + arguments.Count - 1} keys would be watched; the limit is {limits.MaxWatchedKeys} keys");
        var bytes = _watchedBytes;
        for (var i = 1; i < arguments.Count; i++)
            bytes += arguments[i].Length;
        if (bytes > limits.MaxWatchedBytes)
            return ReplyPlan.Fail($"ERR the watched keys would be {bytes} bytes long; the limit is {limits.MaxWatchedBytes} bytes");
        _watchedBytes = bytes;
        var watches = new Watched[arguments.Count - 1];
        for (var i = 1; i < arguments.Count; i++)
        {
            GetCommand.Encode(sink.Next(), arguments[i], headerOnly: true);
            watches[i - 1] = new Watched(arguments[i].ToArray());
        }
        _watched.AddRange(watches);
        return new ReplyPlan { Write = WriteWatched, Count = watches.Length, State = watches };
    }

    /// <summary>
    /// EXEC: encodes what was queued into <paramref name="target"/>, which then goes to the group of its first key, watched ones first. False if there is nothing to submit; the reply is then written.
    /// </summary>
    public bool TryExecute(RespSession session, CommandSink sink, PooledBuffer target, out ReplyPlan plan, out uint group, out bool writes)
    {
        plan = default;
        group = 0;
        writes = false;
        var (wasOpen, isSpoilt) = (IsOpen, _isSpoilt);
        IsOpen = false;
        _isSpoilt = false;
        if (!wasOpen || isSpoilt)
        {
            session.Writer.Error(wasOpen ? "EXECABORT Transaction discarded because of previous errors." : "ERR EXEC without MULTI");
            if (wasOpen)
                Discard();
            return false;
        }
        group = Route(session.Server.Router);
        sink.Begin(target);
        foreach (var watch in _watched)
            sink.AddCondition(watch.Key, watch.Revision);
        var hasConditions = _watched.Count > 0;
        Unwatch();
        _answers.Clear();
        _immediate.Clear();
        foreach (var queued in _queued)
        {
            writes |= Encode(session, sink, queued);
            if (_immediate.Length <= session.Server.Limits.MaxImmediateBytes)
                continue;
            session.Writer.Error($"ERR the replies of the transaction would be longer than the limit of {session.Server.Limits.MaxImmediateBytes} bytes; nothing was changed");
            Close();
            return false;
        }
        // Forgotten here and not with the reply: an EXEC that ends as unavailable or unknown has none of its own, and its commands must not come again with the next one.
        ForgetQueue();
        if (sink.Count == 0 && !hasConditions)
        {
            var none = default(ResultCursor);
            WriteList(session, null!, ref none);
            return false;
        }
        sink.Complete(asBatch: true);
        plan = new ReplyPlan { Write = WriteAnswers, IsBatch = true };
        return true;
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _immediate.Dispose();
    }

    private uint Route(IKeyRouter router)
    {
        if (_watched.Count > 0)
            return router.Route(_watched[0].Key);
        foreach (var queued in _queued)
        {
            if (queued.Command.TryGetFirstKey(ArgumentsOf(queued), out var key))
                return router.Route(key);
        }
        return router.DefaultGroup;
    }

    private RespArguments ArgumentsOf(Queued queued) => new(_bytes.Span, CollectionsMarshal.AsSpan(_ranges).Slice(queued.FirstRange, queued.RangeCount));

    private bool Encode(RespSession session, CommandSink sink, Queued queued)
    {
        var arguments = ArgumentsOf(queued);
        if (queued.Command.Data is not { } encode)
        {
            var start = _immediate.Length;
            var output = session.Writer.Output;
            session.Writer.Output = _immediate;
            queued.Command.Local!(session, arguments);
            session.Writer.Output = output;
            _answers.Add(new Answer(default, start, _immediate.Length - start));
            return false;
        }
        var count = sink.Count;
        var plan = encode(session, arguments, sink);
        Invariant.That(plan.Error is null || sink.Count == count, $"'{queued.Command.Name}' encoded something and then refused");
        _answers.Add(new Answer(plan, 0, 0));
        return plan.Error is null && queued.Command.IsWrite;
    }

    private void Write(RespSession session, RespOperation operation, ref ResultCursor results)
    {
        if (results.Top.Status == ResultStatus.Ok)
        {
            WriteList(session, operation, ref results);
            return;
        }
        if (results.Top.Status == ResultStatus.ConditionFailed)
            session.Writer.NullArray();
        else
            session.Writer.Error(Replies.Describe(results.Top));
        Close();
    }

    private void WriteList(RespSession session, RespOperation operation, ref ResultCursor results)
    {
        session.Writer.Array(_answers.Count);
        foreach (var answer in _answers)
        {
            if (answer.Plan.Error is { } error)
                session.Writer.Error(error);
            else if (answer.Plan.Write is { } write)
                write(session, operation, answer.Plan, ref results);
            else
                session.Writer.Raw(_immediate.Span.Slice(answer.Start, answer.Length));
        }
        Close();
    }

    private void Close()
    {
        IsOpen = false;
        _isSpoilt = false;
        _answers.Clear();
        if (_immediate.Capacity > KeptBytes)
            _immediate.Dispose();
        _immediate.Clear();
        ForgetQueue();
    }

    private void ForgetQueue()
    {
        _queued.Clear();
        _ranges.Clear();
        // A rare long queue must not stay with its connection.
        if (_bytes.Capacity > KeptBytes)
            _bytes.Dispose();
        _bytes.Clear();
        if (_ranges.Capacity > KeptItems)
            _ranges.Capacity = 0;
        if (_queued.Capacity > KeptItems)
            _queued.Capacity = 0;
    }
}
