using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Small files that are replaced as a whole. A crash at any point leaves the old content or the new one under the name, never a mixture, never nothing.
/// Invariant: what was read stays: no later power cut brings the content before it back.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Added to the name while the new content is written; left behind by a crash, it is overwritten the next time.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>The file's content, or null if there is no such file.</summary>
    /// <exception cref="InvalidDataException">It is longer than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static byte[]? Read(IFileSystem files, string path, int maxBytes)
    {
        if (!files.FileExists(path))
            return null;
        var content = ReadAll(files, path, maxBytes);
        // Its name may stand in the page cache alone, when the process that wrote it was killed in front of its last sync or ended by it; after a sync that failed a second one proves nothing.
        // This process is about to act on it, so it is written again.
        try
        {
            Replace(files, path, content);
        }
        catch (DiskFullException)
        {
            // A full disk must not keep a node from starting. A name alone is metadata, which file systems that keep a journal do not confirm after they failed to write it.
            files.SyncDirectory(Path.GetDirectoryName(path)!);
        }

        return content;
    }

    private static byte[] ReadAll(IFileSystem files, string path, int maxBytes)
    {
        using var file = files.Open(path, OpenMode.Existing);
        if (file.Length > maxBytes)
            throw new InvalidDataException($"{path} has {file.Length} bytes; at most {maxBytes} are expected");
        var content = new byte[file.Length];
        return file.Read(0, content) == content.Length ? content : throw new InvalidDataException($"{path} became shorter while it was read");
    }

    /// <summary>Replaces the content; it is durable on return.</summary>
    /// <exception cref="IOException">The disk failed: which content is there is not known.</exception>
    public static void Replace(IFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + TemporarySuffix;
        using (var file = files.Open(temporary, OpenMode.OpenOrCreate))
        {
            file.SetLength(0);
            file.Write(0, content);
            // Before the rename: a name that points to bytes which a power cut can still take away would be a damaged file.
            file.SyncData();
        }

        files.Rename(temporary, path);
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
