using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Format;

namespace RaftKv.Engine.Wal.Index;

/// <summary>
/// One file of the log. Its counters belong to <see cref="WalIndex"/> and are changed under that lock only; <see cref="End"/> belongs to the log thread.
/// </summary>
/// <remarks>Invariant: while <see cref="Pins"/> is above 0 the file is neither reused nor closed.</remarks>
internal sealed class Segment(ulong number, string path, IFile file, long size, uint seed)
{
    public ulong Number { get; } = number;

    public string Path { get; } = path;

    public IFile File { get; } = file;

    /// <summary>Bytes of the file.</summary>
    public long Size { get; set; } = size;

    /// <summary>What the checksums of its frames start from.</summary>
    public uint Seed { get; } = seed;

    /// <summary>Where the next frame goes.</summary>
    public long End { get; set; } = SegmentHeader.Size;

    /// <summary>Records in it that are still needed.</summary>
    public long LiveRecords { get; set; }

    /// <summary>Bytes of those records.</summary>
    public long LiveBytes { get; set; }

    /// <summary>Readers that are using the file.</summary>
    public int Pins { get; set; }
}
