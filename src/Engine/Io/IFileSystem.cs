namespace RaftKv.Engine.Io;

/// <summary>
/// The only way to a disk. Two implementations: the real one and the simulator's, which loses what was not synced.
/// Paths are absolute or relative to the process; names created, renamed or deleted are durable only after <see cref="SyncDirectory"/> on their directory.
/// Thread-safe.
/// </summary>
public interface IFileSystem
{
    /// <summary>Opens a file for positional reads and writes.</summary>
    /// <exception cref="IOException">The file is missing, exists already, or the disk failed.</exception>
    IFile Open(string path, OpenMode mode);

    /// <summary>Whether a file of this name exists.</summary>
    bool FileExists(string path);

    /// <summary>Whether a directory of this name exists.</summary>
    bool DirectoryExists(string path);

    /// <summary>Creates a directory and its missing parents.</summary>
    void CreateDirectory(string path);

    /// <summary>Names (not paths) of the files and directories in a directory, sorted ordinally.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Deletes a file; no error if there is none.</summary>
    void DeleteFile(string path);

    /// <summary>Deletes a directory with all it holds; no error if there is none.</summary>
    void DeleteDirectory(string path);

    /// <summary>Renames a file, replacing the target atomically.</summary>
    void Rename(string from, string to);

    /// <summary>Makes creations, renames and deletions in the directory durable.</summary>
    void SyncDirectory(string path);
}

/// <summary>How <see cref="IFileSystem.Open"/> treats existing and missing files.</summary>
public enum OpenMode
{
    /// <summary>The file must exist.</summary>
    Existing,

    /// <summary>The file must not exist.</summary>
    CreateNew,

    /// <summary>Either.</summary>
    OpenOrCreate,
}

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

/// <summary>The disk has no space left.</summary>
public sealed class DiskFullException(string message, Exception? inner = null) : IOException(message, inner);
