using RaftKv.Engine.Commands;

namespace RaftKv.Server.Resp.Commands;

/// <summary>A record as a reply sees it, whether it came from this node's memory or out of a result.</summary>
internal readonly ref struct RecordView(bool found, uint group, ulong revision, long expireAt, ReadOnlySpan<byte> value)
{
    public bool Found { get; } = found;

    /// <summary>The group that it is in, by whose time it expires.</summary>
    public uint Group { get; } = group;

    public ulong Revision { get; } = revision;

    /// <summary>Milliseconds of the group's time, 0 for never.</summary>
    public long ExpireAt { get; } = expireAt;

    public ReadOnlySpan<byte> Value { get; } = value;

    public static RecordView Of(uint group, CommandResult result) =>
        result.Status == ResultStatus.Ok ? new RecordView(true, group, result.Revision, result.ExpireAt, result.Value) : default;
}

/// <summary>Writes the reply of one command from the results of what it encoded; false if <paramref name="operation"/> now holds a further step.</summary>
internal delegate bool ReplyFormat(RespSession session, RespOperation operation, in ReplyPlan plan, ref ResultCursor results);

/// <summary>Writes the reply of a command that reads one record.</summary>
internal delegate void RecordFormat(RespSession session, in ReplyPlan plan, RecordView record);

/// <summary>How a command that was encoded will be answered; or the error that it deserves instead.</summary>
internal readonly struct ReplyPlan
{
    /// <summary>Set if nothing was encoded: the reply.</summary>
    public string? Error { get; init; }

    /// <summary>Writes the reply.</summary>
    public ReplyFormat? Write { get; init; }

    /// <summary>For commands that read one record.</summary>
    public RecordFormat? Record { get; init; }

    /// <summary>Whether what was submitted is a batch.</summary>
    public bool IsBatch { get; init; }

    /// <summary>Results that belong to the command.</summary>
    public int Count { get; init; }

    /// <summary>A number that the format needs.</summary>
    public long A { get; init; }

    /// <summary>Another.</summary>
    public long B { get; init; }

    /// <summary>What else the format needs; null on the hot path.</summary>
    public object? State { get; init; }

    public static ReplyPlan Fail(string error) => new() { Error = error };

    public static ReplyPlan Of(ReplyFormat write, int count = 1) => new() { Write = write, Count = count };

    public ReplyPlan AsBatch(bool isBatch) => isBatch ? new() { Write = Write, Record = Record, IsBatch = true, Count = Count, A = A, B = B, State = State } : this;
}

/// <summary>Goes through the results of an operation: one, or a batch's.</summary>
internal ref struct ResultCursor
{
    private readonly bool _isBatch;
    private BatchResult _batch;

    public ResultCursor(uint group, ReadOnlySpan<byte> encoded, bool isBatch)
    {
        Group = group;
        Top = new CommandResult(encoded);
        _isBatch = isBatch;
        if (isBatch && Top.Status == ResultStatus.Ok)
            _batch = Top.Batch;
    }

    /// <summary>The group that they come from.</summary>
    public uint Group { get; }

    /// <summary>The operation's own result.</summary>
    public CommandResult Top { get; }

    /// <summary>The next command's result.</summary>
    public CommandResult Next()
    {
        if (!_isBatch)
            return Top;
        if (!_batch.MoveNext())
            throw new InvalidDataException("A batch has fewer results than commands.");
        return _batch.Current;
    }
}
