using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// Judges how full the disk under a store is. What memory holds and the disk does not has to find room there: so it counts as written. Measured by the shard's thread; the judgements may be read on any.
/// </summary>
/// <remarks>Invariant: while not <see cref="IsShort"/>, what is in memory fits on the disk beside the reserve: a checkpoint can complete.</remarks>
internal sealed class SpaceWatch(IFileSystem files, string directory, DiskReserve reserve)
{
    private volatile bool _isTight;
    private volatile bool _isShort;

    /// <summary>Garbage should be given back at once: little more than twice of what must be free is.</summary>
    public bool IsTight => _isTight;

    /// <summary>Nothing should be taken that needs space for good.</summary>
    public bool IsShort => _isShort;

    /// <summary>Bytes free when last measured.</summary>
    public long Free { get; private set; } = long.MaxValue;

    /// <summary>Bytes of the log that were in memory only, when last measured.</summary>
    public long Unwritten { get; private set; }

    /// <summary>Looks at the disk. <paramref name="unwritten"/>: bytes of the log that are in memory only.</summary>
    public void Measure(long unwritten)
    {
        if (!reserve.IsHeld)
            reserve.TryTake();
        Free = files.FreeBytes(directory);
        Unwritten = unwritten;
        var needed = unwritten + reserve.Bytes / 4;
        _isTight = !reserve.IsHeld || Free / 2 < needed + reserve.Bytes;

        // Ends later than it begins, so that it does not come and go with every write.
        _isShort = !reserve.IsHeld || Free < (_isShort ? needed + reserve.Bytes / 2 : needed);
    }
}
