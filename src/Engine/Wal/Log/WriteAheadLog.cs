using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Compaction;
using RaftKv.Engine.Wal.Index;
using RaftKv.Engine.Wal.Read;
using RaftKv.Engine.Wal.Recovery;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Engine.Wal.Log;

/// <summary>
/// The node's one durable log, shared by all groups of all shards: segments of frames of records (see docs/FORMATS.md for the bytes).
/// One thread writes, compacts and closes; any thread reads.
/// </summary>
/// <remarks>
/// What it promises is kept by its parts: <see cref="WalFrameWriter"/> writes, <see cref="WalReader"/> reads, <see cref="WalCompactor"/> says what is to be copied, <see cref="WalReplay"/> opens.
/// </remarks>
public sealed class WriteAheadLog : IDisposable
{
    private readonly WalOptions _options;
    private readonly WalIndex _index;
    private readonly SegmentAllocator _allocator;
    private readonly WalFrameWriter _writer;
    private readonly WalReader _reader;
    private readonly WalCompactor _compactor;

    private WriteAheadLog(WalOptions options, WalReplay replay, SegmentAllocator allocator, long freeBytes)
    {
        _options = options;
        _index = replay.Index;
        _allocator = allocator;
        var sequence = replay.LastSequence;
        var rewriteThrough = 0UL;
        if (replay.Damage.Count > 0)
        {
            // The number left out keeps the damage visible to every later opening, until the log has moved past it.
            sequence++;
            rewriteThrough = _index.Segments.Count == 0 ? 0 : _index.Segments[^1].Number;
        }

        if (_index.Segments.Count == 0 || replay.Damage.Count > 0)
            _index.AddSegment(_allocator.Take(0, mayUseReserve: true));
        _writer = new WalFrameWriter(options, _index, allocator, sequence);
        _reader = new WalReader(_index);
        // What idle groups pin is free on a large disk only.
        _compactor = new WalCompactor(_index, rewriteThrough, Math.Max(Math.Min(options.RewriteAboveBytes, freeBytes / 8), 4L * options.SegmentSize));
        Recovery = WalRecoveryReport.Describe(replay);
    }

    /// <summary>What <see cref="Open"/> found.</summary>
    public WalRecovery Recovery { get; }

    /// <summary>Whether a write or sync has failed: nothing is accepted any more.</summary>
    public bool Failed => _writer.Failed;

    /// <summary>Figures, consistent enough to be shown; any thread.</summary>
    public WalStatistics Statistics
    {
        get
        {
            lock (_index.Gate)
            {
                return new WalStatistics(
                    _writer.Batches, _writer.Frames, _writer.Bytes, _writer.Frames, _index.Segments.Count, _index.SegmentBytes, _index.LiveBytes, _allocator.ReadyCount, _compactor.CopiedBytes, _writer.LastSync);
            }
        }
    }

    /// <summary>Whether <see cref="Compact"/> has something to do; for the log thread.</summary>
    public bool NeedsCompaction => _compactor.IsNeeded;

    internal WalIndex Index => _index;

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
        var replay = new WalReplay(files, directory, options, identity);
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
        var before = _writer.Bytes;
        var count = _writer.Write(batches);
        _compactor.OnWritten(_writer.Bytes - before);
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
        var before = _writer.Bytes;
        var wrote = _writer.Seal();
        _compactor.OnWritten(_writer.Bytes - before);
        return wrote;
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
        _writer.ThrowIfFailed();
        if (!NeedsCompaction)
            return false;
        if (_compactor.TryCollect(_options.StepBytes, _writer.NextSequence) is not { } copies)
            return Seal();
        Write(copies);
        Sometimes.Reached(Sometimes.LogCompactionCopied);
        _compactor.OnCopied(copies);
        return true;
    }

    /// <summary>
    /// Adds copies of live records of the oldest segment, about <paramref name="maxBytes"/> of them, to a batch that must be the very next one to be written.
    /// False if that segment holds nothing live, or is the only one.
    /// </summary>
    public bool CollectPinned(long maxBytes, WalBatch into)
    {
        ArgumentNullException.ThrowIfNull(into);
        return _compactor.TryCollect(maxBytes, _writer.NextSequence, into);
    }

    /// <summary>
    /// Appends the entries <paramref name="first"/> to <paramref name="last"/> of a group, until their payloads exceed <paramref name="maxBytes"/>, at least one.
    /// Checks them again; payloads are freshly allocated. Any thread, beside writes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The log does not hold all of these entries.</exception>
    /// <exception cref="WalDamagedException">An entry's bytes have changed since they were written.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Read(uint group, ulong first, ulong last, long maxBytes, List<WalEntry> into) => _reader.Read(group, first, last, maxBytes, into);

    /// <summary>Prepares spare segments and removes surplus ones, one bounded step; false when there is nothing to do. Any one thread beside the log thread, or the log thread itself.</summary>
    public bool PrepareSegments() => _allocator.Step();

    /// <summary>Closes the files. Nothing is written: whoever stops a log calls <see cref="Seal"/> first.</summary>
    public void Dispose()
    {
        _writer.Close();
        _allocator.Dispose();
        foreach (var segment in _index.Segments)
            segment.File.Dispose();
    }
}
