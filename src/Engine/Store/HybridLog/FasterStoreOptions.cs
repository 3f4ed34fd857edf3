namespace RaftKv.Engine.Store.HybridLog;

/// <summary>Sizes of one <c>FasterStateStore</c>. The sizes of pages and segments are fixed when the store is created: a store opened with others is refused.</summary>
public sealed record FasterStoreOptions
{
    private readonly long _memoryBytes = 256L << 20;
    private readonly long _pageBytes = 32L << 20;
    private readonly long _segmentBytes = 256L << 20;
    private readonly long _indexBytes = 16L << 20;
    private readonly int _readers = Math.Clamp(Environment.ProcessorCount * 2, 4, 16);
    private readonly double _maxGarbage = 0.5;
    private readonly long _compactionFloor = 64L << 20;
    private readonly long _reserveBytes = 64L << 20;

    /// <summary>
    /// Memory for the log's newest part, a power of two, at least four pages; allocated page by page as the log grows. Default 256 MiB: several stores share a process with the service that embeds them.
    /// Data beyond it is read from disk.
    /// </summary>
    public long MemoryBytes
    {
        get => _memoryBytes;
        init => _memoryBytes = PowerOfTwo(value, 16 << 10, 1L << 40, nameof(MemoryBytes));
    }

    /// <summary>Bytes in a page of the log, a power of two. A record must fit into one: 32 MiB holds the longest value (16 MiB) with a key, and the memory then has eight.</summary>
    public long PageBytes
    {
        get => _pageBytes;
        init => _pageBytes = PowerOfTwo(value, HybridLogDevice.BlockSize, 1L << 30, nameof(PageBytes));
    }

    /// <summary>Bytes of log in a file, a power of two. 256 MiB: disk space comes back file by file, and each file is one open handle.</summary>
    public long SegmentBytes
    {
        get => _segmentBytes;
        init => _segmentBytes = PowerOfTwo(value, HybridLogDevice.BlockSize, 1L << 40, nameof(SegmentBytes));
    }

    /// <summary>
    /// Least memory of the hash index, a power of two. It is made larger when a store with more keys is opened (about 16 bytes per key), never while running: with a few times more keys
    /// than it was made for, reads slow down by walking chains. 16 MiB is good for about a million keys.
    /// </summary>
    public long IndexBytes
    {
        get => _indexBytes;
        init => _indexBytes = PowerOfTwo(value, 512, 1L << 30, nameof(IndexBytes));
    }

    /// <summary>Threads that can read at the same time, 1 to 32; more wait their turn. Twice the processors: some wait for the disk. All stores of a process share FASTER's 128 epoch slots.</summary>
    public int Readers
    {
        get => _readers;
        init => _readers = value is >= 1 and <= 32 ? value : throw new ArgumentOutOfRangeException(nameof(Readers), value, "Readers must be 1 to 32");
    }

    /// <summary>Share of the log that may be garbage before compaction begins, above 0 and below 1. A half: the disk holds at most about twice the data, and each live byte is copied about once per byte written.</summary>
    public double MaxGarbage
    {
        get => _maxGarbage;
        init => _maxGarbage = value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(MaxGarbage), value, "MaxGarbage must be above 0 and below 1");
    }

    /// <summary>Length of log below which compaction never begins: small stores live in memory, and their log is cheap. 64 MiB.</summary>
    public long CompactionFloor
    {
        get => _compactionFloor;
        init => _compactionFloor = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(CompactionFloor), value, "CompactionFloor must not be negative");
    }

    /// <summary>Disk space that is set aside so that a full disk can be freed, at most 64 MiB and an eighth of what is free when the store is created.</summary>
    public long ReserveBytes
    {
        get => _reserveBytes;
        init => _reserveBytes = value >= HybridLogDevice.BlockSize ? value : throw new ArgumentOutOfRangeException(nameof(ReserveBytes), value, $"ReserveBytes must be at least {HybridLogDevice.BlockSize}");
    }

    /// <summary>Do all I/O on the caller's thread and start none: for deterministic runs.</summary>
    public bool Synchronous { get; init; }

    /// <summary>Throws <see cref="ArgumentException"/> unless the sizes go together.</summary>
    public void Validate()
    {
        if (MemoryBytes < PageBytes * 4)
            throw new ArgumentException($"MemoryBytes {MemoryBytes} must be at least four pages of PageBytes {PageBytes}");
        if (SegmentBytes < PageBytes)
            throw new ArgumentException($"SegmentBytes {SegmentBytes} must be at least PageBytes {PageBytes}");
    }

    private static long PowerOfTwo(long value, long least, long most, string name) =>
        value >= least && value <= most && long.IsPow2(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be a power of two from {least} to {most}");
}
