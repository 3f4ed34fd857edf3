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

    /// <summary>Bytes that can still be written to the disk that holds a directory; <see cref="long.MaxValue"/> when it does not tell.</summary>
    long FreeBytes(string directory);

    /// <summary>Makes creations, renames and deletions in the directory durable.</summary>
    /// <exception cref="UnauthorizedAccessException">The directory may not be read.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    void SyncDirectory(string path);
}
