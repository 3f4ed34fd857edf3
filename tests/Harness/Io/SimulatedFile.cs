using RaftKv.Engine.Io;

namespace RaftKv.Tests.Harness.Io;

/// <summary>An open file of a <see cref="SimulatedFileSystem"/>.</summary>
internal sealed class SimulatedFile(SimulatedFileSystem files, SimulatedInode inode, string path) : IFile
{
    private bool _closed;

    public long Length => files.Observe(() => inode.Length);

    public int Read(long offset, Span<byte> buffer)
    {
        CheckOpen();
        lock (files.Gate)
        {
            files.CheckPower();
            return inode.Read(offset, buffer);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        CheckOpen();
        lock (files.Gate)
        {
            files.BeforeWrite(path, inode, offset + data.Length);
            inode.Write(offset, data);
            files.AfterOperation(DeviceOperation.Write, path);
        }
    }

    public void SyncData()
    {
        CheckOpen();
        lock (files.Gate)
        {
            files.BeforeSync(path, inode.FailSync);
            inode.Sync();
        }
    }

    public void SetLength(long length)
    {
        CheckOpen();
        lock (files.Gate)
        {
            files.BeforeWrite(path, inode, length);
            inode.SetLength(length);
            files.AfterOperation(DeviceOperation.Write, path);
        }
    }

    public void Allocate(long length)
    {
        SetLength(length);
        lock (files.Gate)
            inode.Occupy();
    }

    public void Deallocate(long offset, long length)
    {
        CheckOpen();
        lock (files.Gate)
        {
            files.CheckPower();
            inode.Deallocate(offset, length);
        }
    }

    public void Dispose() => _closed = true;

    private void CheckOpen() => ObjectDisposedException.ThrowIf(_closed, this);
}
