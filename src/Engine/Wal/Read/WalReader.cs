using System.Buffers;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Read;

/// <summary>Reads entries back from the segments, on any thread, beside the one that writes.</summary>
/// <remarks>
/// Invariant: what comes back has the checksum, group, index and term that the index says; everything else is damage.
/// Invariant: a segment that is being read is pinned, and so is not used again for other records meanwhile.
/// </remarks>
internal sealed class WalReader(WalIndex index)
{
    /// <summary>
    /// Appends the entries <paramref name="first"/> to <paramref name="last"/> of a group, until their payloads exceed <paramref name="maxBytes"/>, at least one.
    /// Checks them again; payloads are freshly allocated. Any thread, beside writes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The log does not hold all of these entries.</exception>
    /// <exception cref="WalDamagedException">An entry's bytes have changed since they were written.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Read(uint group, ulong first, ulong last, long maxBytes, List<WalEntry> into)
    {
        ArgumentNullException.ThrowIfNull(into);
        for (var next = first; next <= last;)
        {
            var taken = ReadRun(group, next, last, maxBytes, next == first, into, out var bytes);
            if (taken == 0)
                return;
            next += taken;
            maxBytes -= bytes;
        }
    }

    /// <summary>Reads one record whole into <paramref name="buffer"/> and checks it.</summary>
    public static WalRecord ReadRecord(Segment segment, in EntryLocation location, uint group, ulong number, byte[] buffer)
    {
        var record = buffer.AsSpan(0, (int)location.Size);
        var read = segment.File.Read(location.Offset, record);
        return Verify(record[..read], segment, location, group, number);
    }

    /// <summary>Entries of one segment, near enough to each other to be read at once.</summary>
    private ulong ReadRun(uint group, ulong first, ulong last, long maxBytes, bool atLeastOne, List<WalEntry> into, out long bytes)
    {
        const long MaxRun = 1 << 20;
        bytes = 0;
        ulong count = 0;
        Segment segment;
        long from, end;
        EntryLocation[] locations;
        lock (index.Gate)
        {
            if (first > last || !index.TryGet(group, out var log) || !log.Entries.Contains(first) || !log.Entries.Contains(last))
                throw new ArgumentOutOfRangeException(nameof(first), $"The log does not hold entries {first} to {last} of group {group}.");
            var start = log.Entries[first];
            if (start.IsHole)
                throw new WalDamagedException($"Entry {first} of group {group} was lost to damage.", 0, 0, group);
            segment = index.SegmentOf(start.Segment);
            (from, end) = (start.Offset, start.Offset);
            locations = ArrayPool<EntryLocation>.Shared.Rent((int)Math.Min(last - first + 1, 4096));
            while (first + count <= last && (int)count < locations.Length)
            {
                var location = log.Entries[first + count];
                var mustTake = atLeastOne && count == 0;
                if (location.Segment != start.Segment || location.Offset < end)
                    break;
                if (!mustTake && bytes + location.Length > maxBytes)
                    break;
                // Many groups share a segment: past a wide gap, a read of its own is cheaper.
                if (count > 0 && (location.Offset + location.Size - from > MaxRun || location.Offset - end > 64 << 10))
                    break;
                locations[count++] = location;
                bytes += location.Length;
                end = location.Offset + location.Size;
            }

            segment.Pins++;
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Max(end - from, 1));
        try
        {
            var read = segment.File.Read(from, buffer.AsSpan(0, (int)(end - from)));
            for (ulong i = 0; i < count; i++)
            {
                var location = locations[i];
                var at = (int)(location.Offset - from);
                var record = at + location.Size <= read ? buffer.AsSpan(at, (int)location.Size) : default;
                var head = Verify(record, segment, location, group, first + i);
                into.Add(new WalEntry(head.Index, head.Term, head.Kind, head.Timestamp, record.Slice(WalRecord.HeadSize, head.Length).ToArray()));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            ArrayPool<EntryLocation>.Shared.Return(locations);
            lock (index.Gate)
                segment.Pins--;
        }

        return count;
    }

    private static WalRecord Verify(ReadOnlySpan<byte> record, Segment segment, in EntryLocation location, uint group, ulong number)
    {
        if (record.Length == location.Size && WalRecord.IsIntact(record, location.Length))
        {
            var head = WalRecord.Decode(record);
            if (head.Type is RecordType.Entry or RecordType.Copy && head.Group == group && head.Index == number && head.Term == location.Term)
                return head;
        }

        throw new WalDamagedException(
            $"Entry {number} of group {group} at offset {location.Offset} of segment {segment.Number} is damaged; restore this node's data from its peers.",
            segment.Number, location.Offset, group);
    }
}
