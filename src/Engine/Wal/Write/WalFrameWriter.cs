using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Write;

/// <summary>Writes the log's frames, one after the other, each durable before the next. Used by the log thread only.</summary>
/// <remarks>
/// Invariant: the index shows only what is durable; it changes after the sync, never before.
/// Invariant: after a failed write or sync nothing more is written (checked at every entry: <see cref="ThrowIfFailed"/>).
/// Invariant: a segment leaves the log only after a durable frame said that it is not needed, so recovery can tell a dropped segment from a lost one.
/// Invariant: entries of a group are consecutive after its start (checked before anything is written: <see cref="WalFrameCheck"/>).
/// </remarks>
internal sealed class WalFrameWriter
{
    private readonly WalOptions _options;
    private readonly WalIndex _index;
    private readonly SegmentAllocator _allocator;
    private readonly List<Segment> _removed = [];

    private byte[] _gather = [];
    private Segment _current;
    private ulong _sequence;
    private ulong _announcedFirst;
    private bool _sealed = true;
    private WalFailedException? _failure;

    /// <summary>Goes on behind the last segment of the index.</summary>
    public WalFrameWriter(WalOptions options, WalIndex index, SegmentAllocator allocator, ulong lastSequence)
    {
        (_options, _index, _allocator, _sequence) = (options, index, allocator, lastSequence);
        _current = _index.Segments[^1];
        _announcedFirst = _index.Segments[0].Number;
    }

    /// <summary>Sequence of the next frame.</summary>
    public ulong NextSequence => _sequence + 1;

    /// <summary>Whether a write or sync has failed, or the log is closed: nothing is accepted any more.</summary>
    public bool Failed => _failure is not null;

    /// <summary>Batches made durable.</summary>
    public long Batches { get; private set; }

    /// <summary>Frames written; each was synced.</summary>
    public long Frames { get; private set; }

    /// <summary>Bytes of frames.</summary>
    public long Bytes { get; private set; }

    /// <summary>Duration of the last sync, by the clock of the options.</summary>
    public long LastSync { get; private set; }

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
        Batches += count;
        return count;
    }

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

    /// <summary>Nothing is accepted from here on.</summary>
    public void Close() => _failure ??= new WalFailedException("The log is closed.", new ObjectDisposedException("WriteAheadLog"));

    /// <summary>Throws what has failed, if anything has.</summary>
    public void ThrowIfFailed()
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

        WalFrameCheck.Check(_index, batches, sequence);
        var frame = Gather(batches, body);
        var first = _index.FirstNeeded;
        var checksum = Crc32C.Compute(frame.Slice(FrameHeader.Size, (int)body));
        new FrameHeader(sequence, _current.Number, first, (int)body, records, checksum, FrameHeader.CountZeroSectors(frame)).Encode(frame, _current.Seed);
        try
        {
            _current.File.Write(_current.End, frame);
            var before = _options.Clock();
            _current.File.SyncData();
            LastSync = _options.Clock() - before;
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
        Frames++;
        Bytes += frame.Length;
        _sealed = false;
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

    private WalFailedException Fail(string message, Exception inner)
    {
        _failure = new WalFailedException(message + " The log accepts nothing more.", inner);
        return _failure;
    }
}
