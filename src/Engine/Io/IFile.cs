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
}
