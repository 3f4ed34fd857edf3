namespace RaftKv.Engine.State.Sessions;

/// <summary>What a session keeps of a result's body. Persisted: numbers are never changed.</summary>
internal enum OutcomeBody : byte
{
    /// <summary>It was empty.</summary>
    Empty = 0,

    /// <summary>It was 8 bytes, held in place: every result that is a number.</summary>
    Inline = 1,

    /// <summary>It is held beside the outcomes.</summary>
    Retained = 2,

    /// <summary>It was held, and dropped: the client has acknowledged it, or the session retained too much.</summary>
    Dropped = 3,

    /// <summary>The whole result, head and all, is held beside the outcomes: its revision is not the entry's.</summary>
    RetainedWhole = 4,
}

/// <summary>How one request of a session ended. <see cref="Sequence"/> 0 marks a free slot; <see cref="Index"/> is the entry in which it ended.</summary>
internal struct SessionOutcome
{
    public ulong Sequence;
    public ulong Index;
    public ulong Inline;
    public ResultStatus Status;
    public OutcomeBody Body;
}
