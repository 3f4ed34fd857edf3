using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Write;

/// <summary>
/// Prepares segments ahead of need: zeroed, headed, synced and named, in small steps, so that the log thread finds them ready and its syncs do not wait behind a flood of zeros.
/// Segments that the log no longer needs are renamed and zeroed again rather than deleted, which keeps their space.
/// Thread-safe: one thread steps, the log thread takes and retires.
/// </summary>
/// <remarks>
/// Invariant: a file named *.seg has its header and its zeros durably, beyond what the log wrote itself. (Zeros rather than stale bytes, although frames would tell those apart:
/// what is zero was never written, and that is what lets recovery tell a torn write from damage.)
/// Invariant: a file is overwritten only after its old name is durably gone.
/// Invariant: the last ready segment is given out only to batches without entries, so that votes and purges still work on a full disk.
/// </remarks>
internal sealed class SegmentAllocator : IDisposable
{
    /// <summary>One for the next switch, one in reserve.</summary>
    private const int Target = 2;

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly WalOptions _options;
    private readonly WalIdentity _identity;
    private readonly byte[] _zeros;
    private readonly Queue<Segment> _ready = new();
    private readonly List<Segment> _retired = [];

    /// <summary>Guards the queues; never held over input or output. The inner of the two.</summary>
    private readonly Lock _queues;

    /// <summary>Held while a step runs; whoever needs a segment at once waits for it and takes over.</summary>
    private readonly Lock _stepping = new();

    private ulong _next;
    private Segment? _unfinished;
    private long _zeroed;
    private IOException? _failure;

    public SegmentAllocator(IFileSystem files, string directory, WalOptions options, WalIdentity identity, ulong next, IEnumerable<Segment> ready, Lock indexGate)
    {
        (_files, _directory, _options, _identity, _next, _queues) = (files, directory, options, identity, next, indexGate);
        _zeros = new byte[Math.Max(SegmentHeader.Size, Math.Min(options.StepBytes, options.SegmentSize))];
        foreach (var segment in ready)
        {
            Invariant.That(segment.Number == _next, $"spare segment {segment.Number} where {_next} is due");
            _ready.Enqueue(segment);
            _next++;
        }
    }

    /// <summary>Segments ready to be taken.</summary>
    public int ReadyCount
    {
        get
        {
            lock (_queues)
                return _ready.Count;
        }
    }

    /// <summary>Hands over segments that the log no longer needs.</summary>
    public void Retire(List<Segment> segments)
    {
        lock (_queues)
            _retired.AddRange(segments);
    }

    /// <summary>
    /// Does one step of what is to be done; false when there is nothing. A full disk is no error here: it is tried again by the next call.
    /// Any other failure is kept, and thrown by <see cref="Take"/>, where it ends the log.
    /// </summary>
    public bool Step()
    {
        lock (_stepping)
        {
            if (_failure is not null)
                return false;
            try
            {
                if (ReadyCount < Target)
                    return Prepare();
                return DeleteSurplus();
            }
            catch (DiskFullException)
            {
                return DeleteSurplus();
            }
            catch (IOException e)
            {
                _failure = e;
                return false;
            }
        }
    }

    /// <summary>The next segment, with room for <paramref name="bytes"/> of frames; prepared now if it has to be.</summary>
    /// <exception cref="DiskFullException">There is no space for it, or only the reserve is left and it is not for this; nothing was taken.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public Segment Take(long bytes, bool mayUseReserve)
    {
        lock (_stepping)
        {
            if (_failure is not null)
                throw new WalFailedException("A segment could not be prepared.", _failure);
            try
            {
                while (ReadyCount < (mayUseReserve ? 1 : Target))
                    PrepareOrFree();
                var segment = Peek();
                if (segment.Size - segment.End < bytes)
                    Extend(segment, segment.End + bytes);
            }
            catch (IOException e) when (e is not DiskFullException)
            {
                _failure = e;
                throw;
            }

            lock (_queues)
            {
                if (_ready.Count == 1)
                    Sometimes.Reached(Sometimes.ReserveSegmentTaken);
                return _ready.Dequeue();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_stepping)
        {
            _unfinished?.File.Dispose();
            foreach (var segment in _ready)
                segment.File.Dispose();
            foreach (var segment in _retired)
                segment.File.Dispose();
        }
    }

    private Segment Peek()
    {
        lock (_queues)
            return _ready.Peek();
    }

    /// <summary>Begins the next segment, zeroes a part of it, or finishes it.</summary>
    private bool Prepare()
    {
        if (_unfinished is null)
        {
            Begin();
            return true;
        }

        var segment = _unfinished;
        if (_zeroed < segment.Size)
        {
            // Synced part by part: one sync of a whole segment would hold up the log's own for as long as it takes.
            var count = (int)Math.Min(_zeros.Length, segment.Size - _zeroed);
            segment.File.Write(_zeroed, _zeros.AsSpan(0, count));
            segment.File.SyncData();
            _zeroed += count;
            return true;
        }

        Span<byte> header = stackalloc byte[SegmentHeader.Size];
        SegmentHeader.Encode(header, _identity, segment.Number);
        segment.File.Write(0, header);
        segment.File.SyncData();
        _files.Rename(Path.Combine(_directory, SegmentHeader.UnfinishedName(segment.Number)), segment.Path);
        _files.SyncDirectory(_directory);
        _unfinished = null;
        lock (_queues)
            _ready.Enqueue(segment);
        return true;
    }

    private void PrepareOrFree()
    {
        try
        {
            Prepare();
        }
        catch (DiskFullException) when (DeleteSurplus())
        {
            // A retired segment of another size made room: the caller tries again.
        }
    }

    private void Begin()
    {
        var size = _options.SizeOf(_next);
        var unfinished = Path.Combine(_directory, SegmentHeader.UnfinishedName(_next));
        IFile file;
        if (TakeRetired(size) is { } old)
        {
            file = old.File;
            _files.Rename(old.Path, unfinished);
        }
        else
        {
            // It may be there: left by an attempt that ended with the process, or for want of space. It is not removed first, as the first segment's name proves that the log never began.
            file = _files.Open(unfinished, OpenMode.OpenOrCreate);
            file.SetLength(0);
        }

        try
        {
            _files.SyncDirectory(_directory);
        }
        catch (DiskFullException)
        {
            // Nothing refers to it any more, and the next attempt begins with another.
            file.Dispose();
            throw;
        }

        _unfinished = new Segment(
            _next, Path.Combine(_directory, SegmentHeader.FileName(_next)), file, size, SegmentHeader.Seed(_identity, _next));
        _zeroed = 0;
        _next++;
    }

    /// <summary>A retired segment of this size (or any, to be deleted, for size 0) that no reader uses any more.</summary>
    private Segment? TakeRetired(long size)
    {
        lock (_queues)
        {
            var i = _retired.FindIndex(s => s.Pins == 0 && (size == 0 || s.Size == size));
            if (i < 0)
                return null;
            var segment = _retired[i];
            _retired.RemoveAt(i);
            return segment;
        }
    }

    private bool DeleteSurplus()
    {
        if (TakeRetired(0) is not { } segment)
            return false;
        segment.File.Dispose();
        _files.DeleteFile(segment.Path);
        return true;
    }

    /// <summary>Makes room in a ready segment for a frame that is larger than a segment.</summary>
    private void Extend(Segment segment, long size)
    {
        try
        {
            for (var offset = segment.Size; offset < size; offset += _zeros.Length)
                segment.File.Write(offset, _zeros.AsSpan(0, (int)Math.Min(_zeros.Length, size - offset)));
            segment.File.SyncData();
        }
        catch (DiskFullException)
        {
            segment.File.SetLength(segment.Size);
            throw;
        }

        segment.Size = size;
    }
}
