namespace RaftKv.Engine.Io;

/// <summary>
/// An open file. Reads may run on any thread, beside writes to other ranges.
/// A failed write or sync throws <see cref="IOException"/>; a failed sync is fatal to the node, because what the page cache holds afterwards is unknown.
/// </summary>
public interface IFile : IDisposable
{
    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>Reads up to the buffer's length; returns the bytes read, fewer only at the end of the file.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes the whole buffer; extends the file where needed.</summary>
    /// <exception cref="DiskFullException">No space is left; nothing is promised of the range.</exception>
    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Makes the file's data and length durable (fdatasync).</summary>
    void SyncData();

    /// <summary>Sets the length; bytes gained read as zero.</summary>
    void SetLength(long length);

    /// <summary>Makes an empty file so long, with all of its space set aside on the disk.</summary>
    /// <exception cref="DiskFullException">There is no such space; nothing is set aside.</exception>
    void Allocate(long length);

    /// <summary>Gives the space of a range back to the disk. Nobody may read the range any more: it may hold what it held, or zeros. A file system that cannot do it keeps the space.</summary>
    void Deallocate(long offset, long length);
}
