using RaftKv.Engine.Io;

namespace RaftKv.Tests.Harness.Io;

/// <summary>Files with something between their reader and them: a test stops one thread within a read, and lets others go on meanwhile.</summary>
public sealed class InterposedFileSystem(IFileSystem files) : IFileSystem
{
    /// <summary>Called with the path before bytes are read, on the reading thread.</summary>
    public Action<string>? BeforeRead { get; set; }

    public IFile Open(string path, OpenMode mode) => new File(this, path, files.Open(path, mode));

    public bool FileExists(string path) => files.FileExists(path);

    public bool DirectoryExists(string path) => files.DirectoryExists(path);

    public void CreateDirectory(string path) => files.CreateDirectory(path);

    public IReadOnlyList<string> List(string directory) => files.List(directory);

    public void DeleteFile(string path) => files.DeleteFile(path);

    public void DeleteDirectory(string path) => files.DeleteDirectory(path);

    public void Rename(string from, string to) => files.Rename(from, to);

    public long FreeBytes(string directory) => files.FreeBytes(directory);

    public void SyncDirectory(string path) => files.SyncDirectory(path);

    private sealed class File(InterposedFileSystem owner, string path, IFile file) : IFile
    {
        public long Length => file.Length;

        public int Read(long offset, Span<byte> buffer)
        {
            owner.BeforeRead?.Invoke(path);
            return file.Read(offset, buffer);
        }

        public void Write(long offset, ReadOnlySpan<byte> data) => file.Write(offset, data);

        public void SyncData() => file.SyncData();

        public void SetLength(long length) => file.SetLength(length);

        public void Allocate(long length) => file.Allocate(length);

        public void Deallocate(long offset, long length) => file.Deallocate(offset, length);

        public void Dispose() => file.Dispose();
    }
}
