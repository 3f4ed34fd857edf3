using RaftKv.Engine.State.Machine;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// What a shard publishes of a group for other threads. Each field is current on its own; only <see cref="LeaseUntil"/> carries a promise.
/// Invariant: while LeaseUntil lies in the future, the state holds every write that any node may have acknowledged or shown to a reader. Therefore the shard lowers it before a
/// turn's messages leave when commit is ahead of what is applied.
/// </summary>
public sealed class GroupView(uint group, StateMachine machine)
{
    private long _leaseUntil = long.MinValue;
    private ulong _leader;
    private ulong _term;
    private ulong _commit;
    private ulong _applied;
    private ApplyHalt? _halt;
    private long _behindSince = long.MaxValue;
    private bool _leaderReachable;
    private long _logOrigin = LogClock.Unknown;
    private bool _wasRead;

    /// <summary>The group.</summary>
    public uint Group { get; } = group;

    /// <summary>Its state machine; other threads may call <see cref="StateMachine.TryRead"/> only.</summary>
    public StateMachine Machine { get; } = machine;

    /// <summary>Exclusive end, monotonic nanoseconds, of the time in which a local read is linearizable.</summary>
    public long LeaseUntil => Volatile.Read(ref _leaseUntil);

    /// <summary>The leader's number, 0 if unknown.</summary>
    public ulong Leader => Volatile.Read(ref _leader);

    /// <summary>Raft's term.</summary>
    public ulong Term => Volatile.Read(ref _term);

    /// <summary>Commit index as this node knows it.</summary>
    public ulong Commit => Volatile.Read(ref _commit);

    /// <summary>Applied index.</summary>
    public ulong Applied => Volatile.Read(ref _applied);

    /// <summary>The entry that a defect keeps this node's replica from applying, so that it serves nothing; 0 if there is none.</summary>
    public ulong HaltedAt => Volatile.Read(ref _halt)?.Index ?? 0;

    /// <summary>Why it halted, in a sentence; null if it did not.</summary>
    public string? HaltReason => Volatile.Read(ref _halt)?.Reason;

    /// <summary>Monotonic nanoseconds since when something that the leader's log holds waits to be applied here; <see cref="long.MaxValue"/> when nothing does.</summary>
    public long BehindSince => Volatile.Read(ref _behindSince);

    /// <summary>Whether this node leads, or its connection to the leader stands.</summary>
    public bool IsLeaderReachable => Volatile.Read(ref _leaderReachable);

    /// <summary>See <see cref="LogClock.Origin"/>.</summary>
    internal long LogOrigin => Volatile.Read(ref _logOrigin);

    /// <summary>A reader used the lease: the group is not idle. Written only on change, so that readers share the line.</summary>
    public void NoteRead()
    {
        if (!Volatile.Read(ref _wasRead))
            Volatile.Write(ref _wasRead, true);
    }

    /// <summary>The replica stops: it serves no local read any more.</summary>
    internal void EndLease() => Volatile.Write(ref _leaseUntil, long.MinValue);

    internal bool TakeWasRead()
    {
        if (!Volatile.Read(ref _wasRead))
            return false;
        Volatile.Write(ref _wasRead, false);
        return true;
    }

    internal void PublishProgress(bool leaderReachable, long behindSince)
    {
        Volatile.Write(ref _leaderReachable, leaderReachable);
        Volatile.Write(ref _behindSince, behindSince);
    }

    internal void Publish(ulong leader, ulong term, ulong commit, ulong applied, long leaseUntil, long logOrigin, ApplyHalt? halt)
    {
        Volatile.Write(ref _logOrigin, logOrigin);
        // The lease is lowered first and raised last: a reader that sees it valid sees a state at least as new.
        if (leaseUntil == long.MinValue)
            Volatile.Write(ref _leaseUntil, leaseUntil);
        Volatile.Write(ref _halt, halt);
        Volatile.Write(ref _leader, leader);
        Volatile.Write(ref _term, term);
        Volatile.Write(ref _commit, commit);
        Volatile.Write(ref _applied, applied);
        if (leaseUntil != long.MinValue)
            Volatile.Write(ref _leaseUntil, leaseUntil);
    }
}
