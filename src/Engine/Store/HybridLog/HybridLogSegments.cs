using System.Globalization;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// The segment files of the hybrid log, <c>log.S</c>: opened when they are first used, deleted from below, punched where a whole one cannot go yet. Thread-safe.
/// Addresses are FASTER's; where a block lies in its file is what <see cref="HybridLogBlocks"/> says.
/// </summary>
/// <remarks>Invariant: a segment that is in use is closed by its last user, however early its name was deleted.</remarks>
internal sealed class HybridLogSegments : IDisposable
{
    private const string Prefix = "log.";

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<int, HybridLogSegment> _segments = [];
    private readonly long _segmentBytes;
    private long _end;
    private long _givenBack;
    private bool _directoryDirty;

    /// <summary>Opens the segments that are there.</summary>
    public HybridLogSegments(IFileSystem files, string directory, long segmentBytes)
    {
        (_files, _directory, _segmentBytes) = (files, directory, segmentBytes);
        foreach (var number in List(files, directory))
            _segments.Add(number, new HybridLogSegment(files.Open(PathOf(number), OpenMode.Existing)));
    }

    /// <summary>Numbers of the log segments in a directory, ascending.</summary>
    public static List<int> List(IFileSystem files, string directory) => files.List(directory)
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(name => int.Parse(name.AsSpan(Prefix.Length), CultureInfo.InvariantCulture))
        .Order().ToList();

    /// <summary>The log below this address has given its space back.</summary>
    public long GivenBack
    {
        get
        {
            lock (_gate)
                return _givenBack;
        }
    }

    /// <summary>The log below this address has been written; what lies above is in memory, and the next checkpoint writes it.</summary>
    public long WrittenEnd
    {
        get
        {
            lock (_gate)
                return _end;
        }
    }

    /// <summary>The segment of a number, to be given back by <see cref="Release"/>; null if it is not there and not to be created.</summary>
    public HybridLogSegment? Acquire(int number, bool create)
    {
        lock (_gate)
        {
            if (!_segments.TryGetValue(number, out var segment))
            {
                if (!create)
                    return null;
                segment = new HybridLogSegment(_files.Open(PathOf(number), OpenMode.OpenOrCreate));
                _segments.Add(number, segment);
                _directoryDirty = true;
            }
            segment.Users++;
            return segment;
        }
    }

    /// <summary>A segment is not used any more.</summary>
    public void Release(HybridLogSegment segment)
    {
        lock (_gate)
        {
            if (--segment.Users == 0 && segment.Removed)
                segment.File.Dispose();
        }
    }

    /// <summary>A segment was written up to an address.</summary>
    public void OnWritten(HybridLogSegment segment, long end)
    {
        lock (_gate)
        {
            segment.Dirty = true;
            _end = Math.Max(_end, end);
        }
    }

    /// <summary>Makes the log end at a block boundary: what was written beyond belongs to no checkpoint. Only before FASTER uses the device; to be followed by <see cref="Sync"/>.</summary>
    public void CutAt(long end)
    {
        lock (_gate)
        {
            foreach (var number in _segments.Keys.Where(number => number * _segmentBytes >= end).ToList())
                Remove(number);
            if (_segments.TryGetValue((int)(end / _segmentBytes), out var last))
            {
                last.File.SetLength(HybridLogBlocks.StoredLength(end % _segmentBytes));
                last.Dirty = true;
            }
            _end = end;
        }
    }

    /// <summary>Makes all finished writes durable.</summary>
    public void Sync()
    {
        List<HybridLogSegment> dirty = [];
        bool directoryDirty;
        lock (_gate)
        {
            foreach (var segment in _segments.Values.Where(segment => segment.Dirty))
            {
                segment.Dirty = false;
                dirty.Add(segment);
            }
            directoryDirty = _directoryDirty;
            _directoryDirty = false;
        }
        foreach (var segment in dirty)
            segment.File.SyncData();
        if (directoryDirty)
            _files.SyncDirectory(_directory);
    }

    /// <summary>
    /// Gives back the space below an address that no checkpoint to be kept reaches below: deletes the segments that end there, and punches the first one that is left, so that space comes back
    /// long before a whole segment is garbage. Returns the number of segments deleted.
    /// </summary>
    public int RemoveBelow(long address)
    {
        lock (_gate)
        {
            var gone = _segments.Keys.Where(number => (number + 1) * _segmentBytes <= address).ToList();
            foreach (var number in gone)
                Remove(number);
            if (_segments.TryGetValue((int)(address / _segmentBytes), out var first))
                first.File.Deallocate(0, HoleBelow(address));
            _givenBack = Math.Max(_givenBack, address);
            return gone.Count;
        }
    }

    /// <summary>Bytes at the beginning of an address's segment that lie below it, in whole pages of the operating system.</summary>
    private long HoleBelow(long address) => HybridLogBlocks.StoredLength(address % _segmentBytes) / HybridLogBlocks.BlockSize * HybridLogBlocks.BlockSize;

    /// <summary>Bytes of all segments on disk, without what was given back.</summary>
    public long DiskBytes
    {
        get
        {
            lock (_gate)
                return _segments.Values.Sum(segment => segment.File.Length) - (_segments.ContainsKey((int)(_givenBack / _segmentBytes)) ? HoleBelow(_givenBack) : 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var segment in _segments.Values)
                segment.File.Dispose();
            _segments.Clear();
        }
    }

    private string PathOf(int segment) => Path.Combine(_directory, Prefix + segment.ToString(CultureInfo.InvariantCulture));

    /// <summary>Deletes a segment's name now and closes it when its last reader is done. The gate is held.</summary>
    private void Remove(int number)
    {
        _segments.Remove(number, out var segment);
        segment!.Removed = true;
        if (segment.Users == 0)
            segment.File.Dispose();
        _files.DeleteFile(PathOf(number));
        _directoryDirty = true;
    }
}
