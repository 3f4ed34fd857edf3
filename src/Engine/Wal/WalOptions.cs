namespace RaftKv.Engine.Wal;

/// <summary>Knobs of the write-ahead log; the defaults suit a node with some hundred groups on a local disk.</summary>
public sealed record WalOptions
{
    private readonly int _segmentSize = 64 << 20;
    private readonly int _firstSegmentSize = 4 << 20;
    private readonly int _maxFrameBytes = 8 << 20;
    private readonly long _rewriteAboveBytes = 256 << 20;

    /// <summary>Bytes of a segment, a multiple of 4,096, from 8 KiB to 1 GiB. Larger: fewer switches; smaller: space comes back sooner.</summary>
    public int SegmentSize { get => _segmentSize; init => _segmentSize = CheckSize(value, nameof(SegmentSize)); }

    /// <summary>
    /// Bytes of segment 1; each next one is twice as large until <see cref="SegmentSize"/>, so that a new node starts without writing hundreds of MiB of zeros.
    /// </summary>
    public int FirstSegmentSize { get => _firstSegmentSize; init => _firstSegmentSize = CheckSize(value, nameof(FirstSegmentSize)); }

    /// <summary>Bytes after which no further posted batch joins the same write, at least 4,096: bounds how long the first of them waits.</summary>
    public int MaxFrameBytes
    {
        get => _maxFrameBytes;
        init => _maxFrameBytes = value >= 4096 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "MaxFrameBytes must be at least 4096.");
    }

    /// <summary>
    /// The log is compacted (live records of its oldest segment are written again at its end) while it is larger than this and more than twice as large as what lives in it.
    /// Below it, idle and slow groups pin old segments for free. Counts as an eighth of what is free on the disk when the log is opened at most, and as four segments at least: with fewer, compaction would chase its own tail.
    /// </summary>
    public long RewriteAboveBytes
    {
        get => _rewriteAboveBytes;
        init => _rewriteAboveBytes = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "RewriteAboveBytes must not be negative.");
    }

    /// <summary>Bytes that one step of compaction writes again (at least one record), and that one step of preparing a segment zeroes: bounds how long a batch waits behind it.</summary>
    public int StepBytes { get; init; } = 1 << 20;

    /// <summary>Whether a directory without a log gets a new one. False for a node that must have one: an emptied disk is then refused rather than taken for a new node.</summary>
    public bool CreateIfMissing { get; init; } = true;

    /// <summary>
    /// Whether a damaged log opens all the same, with <see cref="WalRecovery.Damage"/> filled in. The caller must then treat every group as suspect: entries, votes
    /// and removals may be missing, so no group may vote or acknowledge before it was removed and received again from its peers.
    /// </summary>
    public bool RepairFromPeers { get; init; }

    /// <summary>Monotonic nanoseconds, for <see cref="WalStatistics.LastSyncNanoseconds"/> only; nothing is decided by it.</summary>
    public Func<long> Clock { get; init; } = static () => 0;

    /// <summary>The size of a segment by its number.</summary>
    internal long SizeOf(ulong number)
    {
        var size = (long)Math.Min(FirstSegmentSize, SegmentSize);
        for (ulong n = 1; n < number && size < SegmentSize; n++)
            size *= 2;
        return Math.Min(size, SegmentSize);
    }

    private static int CheckSize(int value, string name) =>
        value is >= 8192 and <= 1 << 30 && value % 4096 == 0
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be a multiple of 4096 from 8192 to {1 << 30}.");
}
