namespace RaftKv.Server.Resp.Execution;

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
