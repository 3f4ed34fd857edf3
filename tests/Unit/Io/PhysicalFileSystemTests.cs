using RaftKv.Engine.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Io;

public sealed class PhysicalFileSystemTests : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("raftkv-io-");
    private readonly PhysicalFileSystem _files = new();

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public void Bytes_come_back_where_they_were_written()
    {
        using var file = _files.Open(PathOf("a"), OpenMode.CreateNew);
        file.Write(5, "hello"u8);
        file.SyncData();
        _files.SyncDirectory(_home.FullName);
        var buffer = new byte[20];
        Assert.Equal(10, file.Read(0, buffer));
        Assert.Equal("\0\0\0\0\0hello"u8.ToArray(), buffer[..10]);
        Assert.Equal(10, file.Length);
        file.SetLength(7);
        Assert.Equal(2, file.Read(5, buffer));
        Assert.Equal(0, file.Read(7, buffer));
    }

    [Fact]
    public void Modes_say_whether_a_file_must_or_must_not_exist()
    {
        Assert.Throws<FileNotFoundException>(() => _files.Open(PathOf("a"), OpenMode.Existing));
        _files.Open(PathOf("a"), OpenMode.CreateNew).Dispose();
        Assert.Throws<IOException>(() => _files.Open(PathOf("a"), OpenMode.CreateNew));
        _files.Open(PathOf("a"), OpenMode.OpenOrCreate).Dispose();
    }

    [Fact]
    public void A_file_is_renamed_over_another_and_deleted_while_it_is_open()
    {
        using var file = _files.Open(PathOf("a"), OpenMode.CreateNew);
        _files.Open(PathOf("b"), OpenMode.CreateNew).Dispose();
        _files.CreateDirectory(PathOf("d"));
        _files.Rename(PathOf("a"), PathOf("b"));
        Assert.Equal(["b", "d"], _files.List(_home.FullName));
        _files.DeleteFile(PathOf("b"));
        _files.DeleteFile(PathOf("b"));
        _files.DeleteFile(PathOf("no/such"));
        _files.DeleteDirectory(PathOf("d"));
        _files.DeleteDirectory(PathOf("d"));
        Assert.Empty(_files.List(_home.FullName));
    }

    [Fact]
    public void A_full_disk_has_its_own_exception()
    {
        // The kernel's own full disk.
        if (!OperatingSystem.IsLinux())
            return;
        using var file = _files.Open("/dev/full", OpenMode.Existing);
        Assert.Contains("disk is full", Assert.Throws<DiskFullException>(() => file.Write(0, "x"u8)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sync_that_can_not_be_done_throws()
    {
        Assert.Throws<IOException>(() => _files.SyncDirectory(PathOf("missing")));
        var file = _files.Open(PathOf("a"), OpenMode.CreateNew);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(file.SyncData);
    }

    private string PathOf(string name) => Path.Combine(_home.FullName, name);
}
