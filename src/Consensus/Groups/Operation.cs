using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups;

/// <summary>What an operation asks of its group.</summary>
public enum OperationKind : byte
{
    /// <summary>Replicate and apply a command.</summary>
    Write,

    /// <summary>Run a read-only command, linearizably.</summary>
    Read,

    /// <summary>Run a read-only command on this node's replica as it is.</summary>
    StaleRead,
}

/// <summary>How an operation ended. Nothing else is ever reported.</summary>
public enum OperationStatus : byte
{
    /// <summary>Not ended yet.</summary>
    Pending,

    /// <summary>Done: the result holds what the state machine said (which may be a refusal).</summary>
    Completed,

    /// <summary>Certainly without effect: no leader could take it before the deadline, the node is overloaded or stopping.</summary>
    Unavailable,

    /// <summary>The deadline passed after the command may have been handed to a leader: it may have taken effect, or still may.</summary>
    OutcomeUnknown,

    /// <summary>A read that was not begun because its owner had no room for the result (<see cref="Operation.HasRoom"/>): to be submitted again. Never reported to callers whose operations always have room.</summary>
    Deferred,
}

/// <summary>Names a write for ever: the outcome can be asked for.</summary>
public readonly record struct RequestId(uint Group, ulong Session, ulong Sequence)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Group}-{Session}-{Sequence}";

    /// <summary>Parses what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string? text, out RequestId id)
    {
        id = default;
        var parts = text?.Split('-');
        if (parts is not { Length: 3 } || !uint.TryParse(parts[0], out var group) || !ulong.TryParse(parts[1], out var session) || !ulong.TryParse(parts[2], out var sequence))
            return false;
        id = new RequestId(group, session, sequence);
        return true;
    }
}

/// <summary>
/// One request on its way through a node: filled by its caller, handed to <c>Submit</c>, given back through <see cref="OnCompleted"/>, then reusable.
/// Operations of one thread on one group are proposed in the order in which they were submitted.
/// </summary>
public abstract class Operation
{
    /// <summary>The group it is for.</summary>
    public uint Group { get; set; }

    /// <summary>What it asks.</summary>
    public OperationKind Kind { get; set; }

    /// <summary>The encoded command (<c>CommandEnvelope</c>); its identity is stamped by the shard. Must not be touched until completion.</summary>
    public PooledBuffer Command { get; } = new();

    /// <summary>The encoded result, when <see cref="Status"/> is Completed.</summary>
    public PooledBuffer Result { get; } = new();

    /// <summary>Monotonic nanoseconds after which it ends as Unavailable or OutcomeUnknown.</summary>
    public long Deadline { get; set; } = long.MaxValue;

    /// <summary>How it ended.</summary>
    public OperationStatus Status { get; internal set; }

    /// <summary>The write's identity, once it was accepted.</summary>
    public RequestId Request { get; internal set; }

    /// <summary>Why it is Unavailable or OutcomeUnknown, in a sentence; null when Completed.</summary>
    public string? Reason { get; internal set; }

    // What the shard keeps with an operation while it owns it.

    /// <summary>Counts lives of a reused operation, so that what still refers to an earlier one is recognised.</summary>
    internal int Generation { get; set; }

    /// <summary>Its number in the client session, once stamped.</summary>
    internal ulong Sequence { get; set; }

    /// <summary>Whether it belonged to an earlier session before: its number there is not in the order of the group's list.</summary>
    internal bool IsRestamped { get; set; }

    /// <summary>Times that it was handed to a leader, this node included.</summary>
    internal int Attempts { get; set; }

    /// <summary>The node that has it, 0 while it waits for a leader.</summary>
    internal ulong PlacedWith { get; set; }

    /// <summary>The number under which it was forwarded, 0 if it was not.</summary>
    internal ulong ForwardedAs { get; set; }

    /// <summary>Neighbours in the group's list of outstanding writes.</summary>
    internal Operation? Previous { get; set; }

    /// <inheritdoc cref="Previous"/>
    internal Operation? Next { get; set; }

    /// <summary>
    /// Whether its owner takes a result of so many bytes now; 0 before a read is begun. A read for which there is no room ends as Deferred, unread. The result of a write that was applied is left out,
    /// and the write ends as OutcomeUnknown. Called on the threads that call <see cref="OnCompleted"/>.
    /// </summary>
    protected internal virtual bool HasRoom(int resultBytes) => true;

    /// <summary>Called once, on a shard's thread, or on one that read from the disk for it: must be quick, must not block, must not throw. The operation may be reused from within.</summary>
    protected internal abstract void OnCompleted();

    /// <summary>Makes it ready to be completed, once.</summary>
    internal void Begin()
    {
        Status = OperationStatus.Pending;
        Reason = null;
        Result.Clear();
    }

    internal void Complete(OperationStatus status, string? reason)
    {
        Invariant.That(Status == OperationStatus.Pending, $"an operation on group {Group} was completed twice");
        Status = status;
        Reason = reason;
        Generation++;
        OnCompleted();
    }
}
