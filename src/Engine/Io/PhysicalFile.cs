using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RaftKv.Engine.Io;

/// <summary>A file of the real disk, read and written at positions.</summary>
internal sealed class PhysicalFile(string path, SafeFileHandle handle) : IFile
{
    /// <inheritdoc/>
    public long Length => RandomAccess.GetLength(handle);

    /// <inheritdoc/>
    public int Read(long offset, Span<byte> buffer)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var read = RandomAccess.Read(handle, buffer[total..], offset + total);
            if (read == 0)
                break;
            total += read;
        }

        return total;
    }

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        try
        {
            RandomAccess.Write(handle, data, offset);
        }
        catch (IOException e) when (PhysicalFileSystem.IsDiskFull(e))
        {
            throw PhysicalFileSystem.DiskFull(path, e);
        }
    }

    /// <inheritdoc/>
    public void SyncData()
    {
        // Elsewhere the runtime's flush is right: on macOS it asks the device itself, which fdatasync does not.
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(handle);
            return;
        }

        var error = NativeMethods.SyncData(handle);
        if (error != 0)
            throw new IOException($"The file {path} could not be synced: {Marshal.GetPInvokeErrorMessage(error)}.", error);
    }

    /// <inheritdoc/>
    public void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(handle, length);
        }
        catch (IOException e) when (PhysicalFileSystem.IsDiskFull(e))
        {
            throw PhysicalFileSystem.DiskFull(path, e);
        }
    }

    /// <inheritdoc/>
    public void Allocate(long length)
    {
        var error = OperatingSystem.IsLinux() ? NativeMethods.Allocate(handle, length) : PhysicalFileSystem.NotSupported;
        if (error == 0)
            return;
        if (PhysicalFileSystem.IsDiskFull(error))
            throw PhysicalFileSystem.DiskFull(path, null);

        // Not every file system can set space aside: zeros do the same.
        var zeros = new byte[1 << 20];
        for (long offset = 0; offset < length; offset += zeros.Length)
            Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - offset)));
    }

    /// <inheritdoc/>
    public void Deallocate(long offset, long length)
    {
        if (OperatingSystem.IsLinux() && length > 0)
            _ = NativeMethods.PunchHole(handle, offset, length);
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();
}
