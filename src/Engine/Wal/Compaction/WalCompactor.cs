using System.Buffers;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;
using RaftKv.Engine.Wal.Read;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Engine.Wal.Compaction;

/// <summary>
/// Decides when the oldest segment is to come free, and collects the copies of what lives in it. Used by the log thread only; what it collects is written by <see cref="WalFrameWriter"/>.
/// </summary>
/// <remarks>
/// Invariant: compaction writes no more than others do (the credit, which every frame raises and copies use up), and so always comes to an end.
/// </remarks>
/// <param name="index">The log's index.</param>
/// <param name="rewriteThrough">Segments up to this one are to be rewritten whatever lives in them; 0 for none.</param>
/// <param name="compactAbove">Bytes of segments below which nothing is copied.</param>
internal sealed class WalCompactor(WalIndex index, ulong rewriteThrough, long compactAbove)
{
    private readonly WalBatch _copies = new();
    private long _credit;

    /// <summary>Whether there is something to do.</summary>
    public bool IsNeeded =>
        index.Segments.Count > 1
        && (index.Segments[0].Number <= rewriteThrough
            || (_credit > 0 && index.SegmentBytes > compactAbove && index.SegmentBytes > 2 * index.LiveBytes));

    /// <summary>Bytes of copies written so far.</summary>
    public long CopiedBytes { get; private set; }

    /// <summary>Bytes were written to the log.</summary>
    public void OnWritten(long bytes) => _credit += bytes;

    /// <summary>The copies that <see cref="TryCollect(long, ulong)"/> returned were written.</summary>
    public void OnCopied(WalBatch copies)
    {
        CopiedBytes += copies.BodyLength;
        _credit -= 2L * FrameHeader.FrameSizeOf(copies.BodyLength);
    }

    /// <summary>About <paramref name="maxBytes"/> of copies from the oldest segment, for the frame <paramref name="sequence"/>; null if it holds nothing live, or is the only one.</summary>
    public WalBatch? TryCollect(long maxBytes, ulong sequence)
    {
        _copies.Clear();
        return TryCollect(maxBytes, sequence, _copies) ? _copies : null;
    }

    /// <summary>As <see cref="TryCollect(long, ulong)"/>, into an empty batch of the caller's. False if there is nothing to copy.</summary>
    public bool TryCollect(long maxBytes, ulong sequence, WalBatch into)
    {
        Invariant.That(into.IsEmpty, "copies go into a batch of their own");
        var oldest = index.Segments[0];
        if (oldest == index.Segments[^1] || oldest.LiveRecords == 0)
            return false;
        into.CopiesValidAt = sequence;
        foreach (var group in index.Groups)
        {
            if (group.OldestSegment > oldest.Number)
                continue;
            var before = into.Count;
            if (!CollectGroup(group, oldest, maxBytes, into))
                break;
            // Raised only when nothing was found: copies that come to be refused must be found again.
            if (into.Count == before)
                group.OldestSegment = oldest.Number + 1;
        }

        Invariant.That(!into.IsEmpty, $"segment {oldest.Number} counts {oldest.LiveRecords} live records and no group has any there");

        return true;
    }

    private static bool CollectGroup(GroupLog group, Segment oldest, long maxBytes, WalBatch into)
    {
        if (group.HardStateSegment == oldest.Number)
            into.SetHardState(group.Group, group.Term, group.Vote);
        if (group.StartSegment == oldest.Number)
            into.SetStart(group.Group, group.Start, group.StartTerm);
        for (var i = 0; i < group.Entries.Count; i++)
        {
            var number = group.Entries.First + (ulong)i;
            var location = group.Entries[number];
            if (location.Segment != oldest.Number)
                continue;
            if (!into.IsEmpty && into.BodyLength + location.Size > maxBytes)
                return false;
            var record = ArrayPool<byte>.Shared.Rent((int)location.Size);
            try
            {
                var head = WalReader.ReadRecord(oldest, location, group.Group, number, record);
                into.AppendCopy(head, record.AsSpan(WalRecord.HeadSize, location.Length));
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(record);
            }
        }

        return into.BodyLength < maxBytes;
    }
}
