namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Since when a replica is behind its leader's log. Measured in time, by a mark: under load a replica is always some entries behind, and yet never for long.
/// Invariant: <see cref="BehindSince"/> is at or after the moment at which the oldest entry that is not applied yet was heard of, less the time in which the mark before it was reached.
/// </summary>
internal sealed class ApplyLag
{
    private ulong _mark;
    private long _markedAt;

    /// <summary>Monotonic nanoseconds; <see cref="long.MaxValue"/> when nothing waits.</summary>
    public long BehindSince { get; private set; } = long.MaxValue;

    /// <summary>Looks at how far the log goes, as far as is known here, and how much of it is applied.</summary>
    public void Note(ulong last, ulong applied, long now)
    {
        if (applied >= _mark)
            (_mark, _markedAt) = (last, now);
        BehindSince = applied < _mark ? _markedAt : long.MaxValue;
    }

    /// <summary>Another leader: what stood at the mark may be gone.</summary>
    public void Forget() => _mark = 0;
}
