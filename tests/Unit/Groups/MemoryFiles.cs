using RaftKv.Engine.Io;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>A disk for small files: what is written is there; names and content that were not synced are lost by <see cref="CutPower"/>.</summary>
internal sealed class MemoryFiles : IFileSystem
{
    private readonly SortedSet<string> _directories = new(StringComparer.Ordinal);
    private SortedDictionary<string, Content> _names = new(StringComparer.Ordinal);
    private SortedDictionary<string, Content> _durableNames = new(StringComparer.Ordinal);

    /// <summary>Calls that change the disk, so far.</summary>
    public int Steps { get; private set; }

    /// <summary>The step at which the disk fails, for ever after.</summary>
    public int FailAtStep { get; set; } = int.MaxValue;

    public byte[] this[string path]
    {
        get => _names[path].Bytes;
        set => _names[path] = new Content { Bytes = value, Durable = value };
    }

    public void CutPower()
    {
        _names = new(_durableNames, StringComparer.Ordinal);
        foreach (var content in _names.Values)
            content.Bytes = content.Durable;
        FailAtStep = int.MaxValue;
    }

    public IFile Open(string path, OpenMode mode)
    {
        if (mode == OpenMode.Existing != _names.ContainsKey(path) && mode != OpenMode.OpenOrCreate)
            throw new IOException($"{path} for {mode}");
        if (!_names.TryGetValue(path, out var content))
        {
            Step();
            _names[path] = content = new Content();
        }

        return new Handle(this, content);
    }

    public bool FileExists(string path) => _names.ContainsKey(path);

    public bool DirectoryExists(string path) => path == "/" || _directories.Contains(path);

    public void CreateDirectory(string path)
    {
        for (var each = path; each is not null; each = Path.GetDirectoryName(each))
            _directories.Add(each);
    }

    public IReadOnlyList<string> List(string directory) =>
        [.. _names.Keys.Concat(_directories).Where(path => Path.GetDirectoryName(path) == directory).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    public void DeleteFile(string path) => _names.Remove(path);

    public void DeleteDirectory(string path)
    {
        bool IsIn(string name) => name == path || name.StartsWith(path + "/", StringComparison.Ordinal);
        _directories.RemoveWhere(IsIn);
        foreach (var name in _names.Keys.Where(IsIn).ToList())
            _names.Remove(name);
    }

    public void Rename(string from, string to)
    {
        Step();
        _names.Remove(from, out var content);
        _names[to] = content!;
    }

    public void SyncDirectory(string path)
    {
        Step();
        _durableNames = new(_names, StringComparer.Ordinal);
    }

    public long FreeBytes(string directory) => long.MaxValue;

    private void Step()
    {
        if (++Steps >= FailAtStep)
            throw new IOException("the disk failed");
    }

    private sealed class Content
    {
        public byte[] Bytes { get; set; } = [];

        public byte[] Durable { get; set; } = [];
    }

    private sealed class Handle(MemoryFiles disk, Content content) : IFile
    {
        public long Length => content.Bytes.Length;

        public int Read(long offset, Span<byte> buffer)
        {
            var rest = content.Bytes.AsSpan((int)offset);
            rest = rest[..Math.Min(rest.Length, buffer.Length)];
            rest.CopyTo(buffer);
            return rest.Length;
        }

        public void Write(long offset, ReadOnlySpan<byte> data)
        {
            disk.Step();
            var bytes = new byte[Math.Max(content.Bytes.Length, (int)offset + data.Length)];
            content.Bytes.CopyTo(bytes, 0);
            data.CopyTo(bytes.AsSpan((int)offset));
            content.Bytes = bytes;
        }

        public void SyncData()
        {
            disk.Step();
            content.Durable = content.Bytes;
        }

        public void Allocate(long length) => SetLength(length);

        public void Deallocate(long offset, long length)
        {
            // It has all the space there is.
        }

        public void SetLength(long length)
        {
            disk.Step();
            var bytes = content.Bytes;
            Array.Resize(ref bytes, (int)length);
            content.Bytes = bytes;
        }

        public void Dispose()
        {
        }
    }
}
