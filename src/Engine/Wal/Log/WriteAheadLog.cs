using System.Buffers;
using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;
using RaftKv.Engine.Wal.Recovery;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Engine.Wal.Log;

/// <summary>
/// The node's one durable log, shared by all groups of all shards: segments of frames of records (see docs/FORMATS.md for the bytes).
/// One thread writes, compacts and closes; any thread reads.
/// </summary>
/// <remarks>
/// Invariant: the index shows only what is durable; it changes after the sync, never before.
/// Invariant: after a failed write or sync nothing more is written (checked at every entry: <see cref="ThrowIfFailed"/>).
/// Invariant: a segment leaves the log only after a durable frame said that it is not needed, so recovery can tell a dropped segment from a lost one.
/// Invariant: entries of a group are consecutive after its start (checked before anything is written: <see cref="FrameCheck"/>).
/// </remarks>
public sealed class WriteAheadLog : IDisposable
{
    private readonly WalOptions _options;
    private readonly LogIndex _index;
    private readonly SegmentAllocator _allocator;
    private readonly List<Segment> _removed = [];
    private readonly WalBatch _copies = new();
    private readonly ulong _rewriteThrough;
    private readonly long _compactAbove;

    private byte[] _gather = [];
    private Segment _current;
    private ulong _sequence;
    private ulong _announcedFirst;
    private bool _sealed = true;
    private WalFailedException? _failure;

    /// <summary>Bytes written since that compaction has not used up: it writes no more than others do, and so always comes to an end.</summary>
    private long _credit;

    private long _batches, _frames, _bytes, _syncs, _rewritten, _lastSync;

    private WriteAheadLog(WalOptions options, LogReplay replay, SegmentAllocator allocator, long freeBytes)
    {
        _options = options;
        // What idle groups pin is free on a large disk only.
        _compactAbove = Math.Max(Math.Min(options.RewriteAboveBytes, freeBytes / 8), 4L * options.SegmentSize);
        _index = replay.Index;
        _allocator = allocator;
        _sequence = replay.LastSequence;
        if (replay.Damage.Count > 0)
        {
            // The number left out keeps the damage visible to every later opening, until the log has moved past it.
            _sequence++;
            _rewriteThrough = _index.Segments.Count == 0 ? 0 : _index.Segments[^1].Number;
        }

        if (_index.Segments.Count == 0 || replay.Damage.Count > 0)
            _index.AddSegment(_allocator.Take(0, mayUseReserve: true));
        _current = _index.Segments[^1];
        _announcedFirst = _index.Segments[0].Number;
        Recovery = Describe(replay);
    }

    /// <summary>What <see cref="Open"/> found.</summary>
    public WalRecovery Recovery { get; }

    /// <summary>Whether a write or sync has failed: nothing is accepted any more.</summary>
    public bool Failed => _failure is not null;

    /// <summary>Figures, consistent enough to be shown; any thread.</summary>
    public WalStatistics Statistics
    {
        get
        {
            lock (_index.Gate)
            {
                return new WalStatistics(
                    _batches, _frames, _bytes, _syncs, _index.Segments.Count, _index.SegmentBytes, _index.LiveBytes, _allocator.ReadyCount, _rewritten, _lastSync);
            }
        }
    }

    /// <summary>Whether <see cref="Compact"/> has something to do; for the log thread.</summary>
    public bool NeedsCompaction =>
        _index.Segments.Count > 1
        && (_index.Segments[0].Number <= _rewriteThrough
            || (_credit > 0 && _index.SegmentBytes > _compactAbove && _index.SegmentBytes > 2 * _index.LiveBytes));

    internal LogIndex Index => _index;

    /// <summary>Opens the log of a directory; creates both where they are missing and may be.</summary>
    /// <exception cref="WalDamagedException">Something durable is gone or changed.</exception>
    /// <exception cref="ForeignDataException">It is another cluster's or node's log.</exception>
    /// <exception cref="UnsupportedFormatException">It is of a later format.</exception>
    /// <exception cref="DiskFullException">There is no space for the first segment.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static WriteAheadLog Open(IFileSystem files, string directory, WalOptions options, WalIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(options);
        if (!files.DirectoryExists(directory))
        {
            if (!options.CreateIfMissing)
                throw new WalDamagedException($"The write-ahead log's directory {directory} is missing; restore this node's data from its peers.", 0, 0);
            files.CreateDirectory(directory);
        }

        // Even one that was there: who made it may have been killed in front of this.
        files.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory)) ?? directory);
        var replay = new LogReplay(files, directory, options, identity);
        replay.Run();
        if (replay.Index.Segments.Count == 0 && !options.CreateIfMissing && !replay.NeverBegan)
            throw new WalDamagedException($"The write-ahead log's directory {directory} is empty; restore this node's data from its peers.", 0, 0);
        replay.Repair();
        var next = replay.Index.Segments.Count == 0 ? 1 : replay.Index.Segments[^1].Number + 1;
        var allocator = new SegmentAllocator(files, directory, options, identity, next, replay.Spares, replay.Index.Gate);
        return new WriteAheadLog(options, replay, allocator, files.FreeBytes(directory));
    }

    /// <summary>
    /// Makes batches durable with one write and one sync: as many of them, in order, as belong into one frame (they end at a segment's end and at
    /// <see cref="WalOptions.MaxFrameBytes"/>), at least one. Returns how many. After a crash they are there together or not at all.
    /// </summary>
    /// <exception cref="DiskFullException">The first batch needs a new segment and there is no space for it. Nothing has changed; it may be tried again.</exception>
    /// <exception cref="WalFailedException">The disk failed, now or before. The node must end.</exception>
    public int Write(ReadOnlySpan<WalBatch> batches)
    {
        ThrowIfFailed();
        Invariant.That(batches.Length > 0, "nothing to write");
        var count = CountFitting(batches, out var body);
        if (count == 0)
        {
            SwitchSegment(FrameHeader.FrameSizeOf(batches[0].BodyLength), mayUseReserve: !batches[0].HasEntries);
            count = CountFitting(batches, out body);
            Invariant.That(count > 0, $"a batch of {batches[0].BodyLength} bytes does not fit into a new segment of {_current.Size}");
        }

        WriteFrame(batches[..count], body);
        _batches += count;
        return count;
    }

    /// <summary>Makes one batch durable.</summary>
    /// <inheritdoc cref="Write(ReadOnlySpan{WalBatch})"/>
    public void Write(WalBatch batch) => Write([batch]);

    /// <summary>
    /// To be called when nothing is waiting. Writes an empty frame behind the last one unless there is one already: it proves that the last batch was durable, so that damage to it
    /// can never pass for a torn write; and it announces segments that are no longer needed, which come free with it. False if there was nothing to do.
    /// </summary>
    /// <exception cref="WalFailedException">The disk failed.</exception>
    public bool Seal()
    {
        ThrowIfFailed();
        if (_sealed && _index.FirstNeeded == _announcedFirst)
            return false;
        try
        {
            if (_current.Size - _current.End < FrameHeader.FrameSizeOf(0))
                SwitchSegment(FrameHeader.FrameSizeOf(0), mayUseReserve: true);
        }
        catch (DiskFullException)
        {
            // Not even the reserve is left. The last batch stays without its proof until there is space: that is weaker, not wrong.
            return false;
        }

        WriteFrame([], 0);
        _sealed = true;
        return true;
    }

    /// <summary>
    /// One step of compaction, on the log thread: writes live records of the oldest segment again at the end, so that it comes free. False if nothing needs it.
    /// However slow or idle a group is, the log tends to at most about twice what lives in it (or <see cref="WalOptions.RewriteAboveBytes"/>): above that, each byte written pays for one to be moved.
    /// </summary>
    /// <exception cref="DiskFullException">There is no space for the copies; nothing has changed.</exception>
    /// <exception cref="WalDamagedException">A record to be copied is damaged.</exception>
    /// <exception cref="WalFailedException">The disk failed.</exception>
    public bool Compact()
    {
        ThrowIfFailed();
        if (!NeedsCompaction)
            return false;
        _copies.Clear();
        if (!CollectPinned(_options.StepBytes, _copies))
            return Seal();
        Write(_copies);
        Sometimes.Reached(Sometimes.LogCompactionCopied);
        _rewritten += _copies.BodyLength;
        _credit -= 2L * FrameHeader.FrameSizeOf(_copies.BodyLength);
        return true;
    }

    /// <summary>
    /// Adds copies of live records of the oldest segment, about <paramref name="maxBytes"/> of them, to a batch that must be the very next one to be written.
    /// False if that segment holds nothing live, or is the only one.
    /// </summary>
    public bool CollectPinned(long maxBytes, WalBatch into)
    {
        ArgumentNullException.ThrowIfNull(into);
        Invariant.That(into.IsEmpty, "copies go into a batch of their own");
        var oldest = _index.Segments[0];
        if (oldest == _current || oldest.LiveRecords == 0)
            return false;
        into.CopiesValidAt = _sequence + 1;
        foreach (var group in _index.Groups)
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

    /// <summary>Prepares spare segments and removes surplus ones, one bounded step; false when there is nothing to do. Any one thread beside the log thread, or the log thread itself.</summary>
    public bool PrepareSegments() => _allocator.Step();

    /// <summary>Closes the files. Nothing is written: whoever stops a log calls <see cref="Seal"/> first.</summary>
    public void Dispose()
    {
        _failure ??= new WalFailedException("The log is closed.", new ObjectDisposedException(nameof(WriteAheadLog)));
        _allocator.Dispose();
        foreach (var segment in _index.Segments)
            segment.File.Dispose();
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new WalFailedException(_failure.Message, _failure.InnerException ?? _failure);
    }

    private int CountFitting(ReadOnlySpan<WalBatch> batches, out long body)
    {
        body = 0;
        var room = _current.Size - _current.End;
        var count = 0;
        foreach (var batch in batches)
        {
            var more = body + batch.BodyLength;
            // A batch of copies holds only for the state it was taken from: it opens its frame or goes into another.
            if (FrameHeader.FrameSizeOf(more) > room || (count > 0 && (more > _options.MaxFrameBytes || batch.CopiesValidAt != 0)))
                break;
            body = more;
            count++;
        }

        return count;
    }

    private void SwitchSegment(long bytes, bool mayUseReserve)
    {
        try
        {
            var next = _allocator.Take(bytes, mayUseReserve);
            lock (_index.Gate)
                _index.AddSegment(next);
            _current = next;
        }
        catch (IOException e) when (e is not DiskFullException)
        {
            throw Fail("A new segment could not be prepared.", e);
        }
    }

    private void WriteFrame(ReadOnlySpan<WalBatch> batches, long body)
    {
        var sequence = _sequence + 1;
        var records = 0;
        foreach (var batch in batches)
        {
            Invariant.That(batch.CopiesValidAt == 0 || batch.CopiesValidAt == sequence, $"copies taken for frame {batch.CopiesValidAt} came to be written as {sequence}");
            records += batch.Count;
        }

        FrameCheck.Check(_index, batches, sequence);
        var frame = Gather(batches, body);
        var first = _index.FirstNeeded;
        var checksum = Crc32C.Compute(frame.Slice(FrameHeader.Size, (int)body));
        new FrameHeader(sequence, _current.Number, first, (int)body, records, checksum, FrameHeader.CountZeroSectors(frame)).Encode(frame, _current.Seed);
        try
        {
            _current.File.Write(_current.End, frame);
            var before = _options.Clock();
            _current.File.SyncData();
            _lastSync = _options.Clock() - before;
        }
        catch (IOException e)
        {
            throw Fail($"A write to {_current.Path} failed.", e);
        }
        catch (Exception e)
        {
            _ = Fail($"A write to {_current.Path} failed.", e);
            throw;
        }

        _sequence = sequence;
        _frames++;
        _syncs++;
        _bytes += frame.Length;
        _sealed = false;
        _credit += frame.Length;
        Publish(batches, frame.Length, first);
    }

    private Span<byte> Gather(ReadOnlySpan<WalBatch> batches, long body)
    {
        if (batches.Length == 1)
            return batches[0].Frame();
        var size = (int)FrameHeader.FrameSizeOf(body);
        if (_gather.Length < size)
            _gather = GC.AllocateUninitializedArray<byte>((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)size));
        var position = FrameHeader.Size;
        foreach (var batch in batches)
        {
            batch.Body.CopyTo(_gather.AsSpan(position));
            position += batch.BodyLength;
        }

        _gather.AsSpan(position, size - position).Clear();
        return _gather.AsSpan(0, size);
    }

    /// <summary>The frame is durable: the index takes it in, and what it announced as no longer needed comes free.</summary>
    private void Publish(ReadOnlySpan<WalBatch> batches, long frameSize, ulong first)
    {
        lock (_index.Gate)
        {
            var offset = _current.End + FrameHeader.Size;
            foreach (var batch in batches)
            {
                var body = batch.Body;
                for (var i = 0; i < body.Length;)
                {
                    var record = WalRecord.Decode(body[i..]);
                    _index.Apply(record, _current, offset + i);
                    i += (int)record.Size;
                }

                offset += body.Length;
            }

            _current.End += frameSize;
            _announcedFirst = first;
            _removed.Clear();
            _index.RemoveBefore(first, _removed);
            _index.ForgetStaged();
        }

        if (_removed.Count == 0)
            return;
        Sometimes.Reached(Sometimes.SegmentDropped);
        _allocator.Retire(_removed);
    }

    private static bool CollectGroup(GroupLog group, Segment oldest, long maxBytes, WalBatch into)
    {
        if (group.HardStateSegment == oldest.Number)
            into.SetHardState(group.Group, group.Term, group.Vote);
        if (group.StartSegment == oldest.Number)
            into.SetStart(group.Group, group.Start, group.StartTerm);
        for (var i = 0; i < group.Entries.Count; i++)
        {
            var index = group.Entries.First + (ulong)i;
            var location = group.Entries[index];
            if (location.Segment != oldest.Number)
                continue;
            if (!into.IsEmpty && into.BodyLength + location.Size > maxBytes)
                return false;
            var record = ArrayPool<byte>.Shared.Rent((int)location.Size);
            try
            {
                var head = ReadRecord(oldest, location, group.Group, index, record);
                into.AppendCopy(head, record.AsSpan(WalRecord.HeadSize, location.Length));
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(record);
            }
        }

        return into.BodyLength < maxBytes;
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
        lock (_index.Gate)
        {
            if (first > last || !_index.TryGet(group, out var log) || !log.Entries.Contains(first) || !log.Entries.Contains(last))
                throw new ArgumentOutOfRangeException(nameof(first), $"The log does not hold entries {first} to {last} of group {group}.");
            var start = log.Entries[first];
            if (start.IsHole)
                throw new WalDamagedException($"Entry {first} of group {group} was lost to damage.", 0, 0, group);
            segment = _index.SegmentOf(start.Segment);
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
            lock (_index.Gate)
                segment.Pins--;
        }

        return count;
    }

    private static WalRecord ReadRecord(Segment segment, in EntryLocation location, uint group, ulong index, byte[] buffer)
    {
        var record = buffer.AsSpan(0, (int)location.Size);
        var read = segment.File.Read(location.Offset, record);
        return Verify(record[..read], segment, location, group, index);
    }

    private static WalRecord Verify(ReadOnlySpan<byte> record, Segment segment, in EntryLocation location, uint group, ulong index)
    {
        if (record.Length == location.Size && WalRecord.IsIntact(record, location.Length))
        {
            var head = WalRecord.Decode(record);
            if (head.Type is RecordType.Entry or RecordType.Copy && head.Group == group && head.Index == index && head.Term == location.Term)
                return head;
        }

        throw new WalDamagedException(
            $"Entry {index} of group {group} at offset {location.Offset} of segment {segment.Number} is damaged; restore this node's data from its peers.",
            segment.Number, location.Offset, group);
    }

    private WalFailedException Fail(string message, Exception inner)
    {
        _failure = new WalFailedException(message + " The log accepts nothing more.", inner);
        return _failure;
    }

    private WalRecovery Describe(LogReplay replay)
    {
        var groups = new Dictionary<uint, RecoveredGroup>();
        foreach (var group in _index.Groups)
        {
            var terms = new List<TermRun>();
            var special = new List<ulong>();
            var last = group.Start;
            for (var i = 0; i < group.Entries.Count && group.Entries.First + (ulong)i == last + 1; i++)
            {
                var entry = group.Entries[last + 1];
                if (entry.IsHole)
                    break;
                last++;
                if (terms.Count == 0 || terms[^1].Term != entry.Term)
                    terms.Add(new TermRun(last, entry.Term));
                if (entry.Kind != 0)
                    special.Add(last);
            }

            groups.Add(group.Group, new RecoveredGroup
            {
                Group = group.Group,
                Term = group.Term,
                Vote = group.Vote,
                StartIndex = group.Start,
                StartTerm = group.StartTerm,
                LastIndex = last,
                Terms = terms,
                SpecialIndexes = special,
            });
        }

        return new WalRecovery
        {
            Groups = groups,
            Damage = [.. replay.Damage],
            CertainlyDamagedGroups = replay.Lacking,
            LastSequence = replay.LastSequence,
            TornBytes = replay.TornBytes,
        };
    }
}
