using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// Space that the store sets aside, as a file <c>reserve</c>, so that on a full disk it can still write what gives space back: removals, the copies of compaction, a checkpoint.
/// It is let go when a write finds no space, and taken again as soon as there is some. Thread-safe.
/// </summary>
internal sealed class DiskReserve
{
    private const string Name = "reserve";

    /// <summary>The largest file system needs no more than this: what has to be written to free space is about a page and a checkpoint.</summary>
    private const long MostBytes = 64L << 20;

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly Lock _gate = new();
    private bool _isHeld;

    /// <summary>Finds the reserve of a store that is there, or takes one. Its size is an eighth of what is free when the store is created; of a disk that does not tell, <paramref name="bytes"/>.</summary>
    public DiskReserve(IFileSystem files, string directory, long bytes)
    {
        (_files, _directory) = (files, directory);
        var free = files.FreeBytes(directory);
        Bytes = Math.Min(Math.Min(bytes, MostBytes), free == long.MaxValue ? long.MaxValue : Math.Max(free / 8, HybridLogDevice.BlockSize));
        if (files.FileExists(FullPath))
        {
            using var file = files.Open(FullPath, OpenMode.Existing);
            // One that was being taken when the process ended is as good as none.
            (Bytes, _isHeld) = file.Length > 0 ? (file.Length, true) : (Bytes, false);
        }

        TryTake();
    }

    /// <summary>Its size.</summary>
    public long Bytes { get; }

    /// <summary>Whether it is there; without it nothing should be written that does not give space back.</summary>
    public bool IsHeld
    {
        get
        {
            lock (_gate)
                return _isHeld;
        }
    }

    private string FullPath => Path.Combine(_directory, Name);

    /// <summary>Lets it go; false if it was gone already.</summary>
    public bool Release()
    {
        lock (_gate)
        {
            if (!_isHeld)
                return false;
            Sometimes.Reached(Sometimes.ReserveReleased);
            _files.DeleteFile(FullPath);
            _isHeld = false;
            return true;
        }
    }

    /// <summary>Takes it again, if there is as much space and as much again: with less it would be gone at once.</summary>
    public void TryTake()
    {
        lock (_gate)
        {
            if (_isHeld || _files.FreeBytes(_directory) / 2 < Bytes)
                return;
            try
            {
                using var file = _files.Open(FullPath, OpenMode.OpenOrCreate);
                file.Allocate(Bytes);
                _isHeld = true;
            }
            catch (DiskFullException)
            {
                _files.DeleteFile(FullPath);
            }
        }
    }
}
