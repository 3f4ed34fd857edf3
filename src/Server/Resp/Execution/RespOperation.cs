using RaftKv.Consensus.Groups;

namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// One submitted command of a connection and how its answer is to be written. Kept by its connection and used again.
/// Invariant: the connection touches it only before it is submitted and after <see cref="IsDone"/>; in between it belongs to the shard.
/// </summary>
internal sealed class RespOperation(PendingOperations pending, OperationBatch batch) : Operation
{
    private const int LargestKeptBuffer = 64 << 10;

    /// <summary>Results up to this long are bounded by the number of operations, and not counted: counting costs more than they do.</summary>
    public const int Uncounted = 4096;

    private bool _done;

    /// <summary>How to write the reply.</summary>
    public ReplyPlan Plan { get; set; }

    /// <summary>Whether the client asked for no reply.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Whether its completion wakes the connection: set on the last operation that was submitted together.</summary>
    public bool Wakes { get; set; }

    /// <summary>Whether its result is wanted whatever waits already: set on the one that is to be answered next.</summary>
    public bool IsNext { get; set; }

    /// <summary>What its result counts for.</summary>
    public int CountedBytes => Result.Length > Uncounted ? Result.Length : 0;

    /// <summary>Whether its reply may be as long as a value although it is a write.</summary>
    public bool ReturnsValue { get; set; }

    /// <summary>Whether the shard is done with it.</summary>
    public bool IsDone => Volatile.Read(ref _done);

    /// <summary>Makes it ready for another command.</summary>
    public void Reset()
    {
        _done = false;
        Wakes = false;
        IsSilent = false;
        IsNext = false;
        ReturnsValue = false;
        Plan = default;
        // A rare large value must not stay with an idle connection.
        if (Command.Length > LargestKeptBuffer)
            Command.Dispose();
        else
            Command.Clear();
        if (Result.Length > LargestKeptBuffer)
            Result.Dispose();
        else
            Result.Clear();
    }

    /// <summary>Makes it ready for the next step of the same command.</summary>
    public void Rearm()
    {
        _done = false;
        Result.Clear();
    }

    /// <summary>For an operation that was never handed out.</summary>
    public void MarkDone() => _done = true;

    /// <summary>Gives its memory back.</summary>
    public void Release()
    {
        Command.Dispose();
        Result.Dispose();
    }

    protected override bool HasRoom(int resultBytes) => IsNext || pending.HasRoom(this, resultBytes);

    protected override void OnCompleted()
    {
        if (CountedBytes > 0)
            pending.OnResult(CountedBytes);
        // Read before the release below: after it the connection may use this operation for something else.
        var wakes = Wakes;
        Volatile.Write(ref _done, true);
        batch.OnCompleted(wakes);
    }
}
