using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RaftKv.Engine.Io;

/// <summary>What .NET has no name for: a data sync that skips timestamps, the sync and the lock of a directory, and which inode a name stands for.</summary>
internal static partial class NativeMethods
{
    /// <summary>Read only; close on exec, so that no child process keeps the directory open. The values are those of Linux on every architecture.</summary>
    private const int ReadOnlyCloseOnExec = 0x80000;

    private const int Interrupted = 4;
    private const int WouldBlock = 11;
    private const int WouldBlockOnMac = 35;

    private const int LockExclusiveNonBlocking = 2 | 4;

    // statx(2): a structure of 256 bytes, the same on every architecture.
    private const int StatxSize = 256, InodeAt = 32, DeviceAt = 136;
    private const int EmptyPath = 0x1000, InodeMask = 0x100, CurrentDirectory = -100;

    /// <summary>Returns 0, or the error number.</summary>
    public static int SyncData(SafeFileHandle file)
    {
        while (fdatasync(file) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                return error;
        }

        return 0;
    }

    /// <summary>Sets aside the space of a file's first bytes (Linux only). Returns 0, or the error number.</summary>
    public static int Allocate(SafeFileHandle file, long length) => Allocate(file, 0, 0, length);

    /// <summary>Gives the space of a range back, and keeps the file's length (Linux only). Returns 0, or the error number.</summary>
    public static int PunchHole(SafeFileHandle file, long offset, long length)
    {
        const int KeepSize = 1, Punch = 2;
        return Allocate(file, KeepSize | Punch, offset, length);
    }

    private static int Allocate(SafeFileHandle file, int mode, long offset, long length)
    {
        while (fallocate64(file, mode, offset, length) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                return error;
        }

        return 0;
    }

    /// <summary>Returns 0, or the error number.</summary>
    public static int SyncDirectory(string path)
    {
        var descriptor = open(path, OperatingSystem.IsLinux() ? ReadOnlyCloseOnExec : 0);
        if (descriptor < 0)
            return Marshal.GetLastPInvokeError();
        try
        {
            while (fsync(descriptor) != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error != Interrupted)
                    return error;
            }

            return 0;
        }
        finally
        {
            // The directory was only read: closing can lose nothing that the sync has not reported.
            _ = close(descriptor);
        }
    }

    /// <summary>
    /// Opens a directory and takes flock(2) on its inode. Null if somebody holds it. <paramref name="error"/> is not 0, and the handle null, when it cannot be opened or its file system cannot lock directories.
    /// </summary>
    public static SafeFileHandle? TryLockDirectory(string path, out int error)
    {
        error = 0;
        var descriptor = open(path, OperatingSystem.IsLinux() ? ReadOnlyCloseOnExec : 0);
        if (descriptor < 0)
        {
            error = Marshal.GetLastPInvokeError();
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        while (flock(descriptor, LockExclusiveNonBlocking) != 0)
        {
            var problem = Marshal.GetLastPInvokeError();
            if (problem == Interrupted)
                continue;
            handle.Dispose();
            error = problem is WouldBlock or WouldBlockOnMac ? 0 : problem;
            return null;
        }

        return handle;
    }

    /// <summary>Whether a path still stands for the inode that a handle has open. True where it cannot be found out: only Linux tells.</summary>
    public static bool IsSameInode(SafeFileHandle handle, string path)
    {
        if (!OperatingSystem.IsLinux())
            return true;
        Span<byte> open = stackalloc byte[StatxSize], named = stackalloc byte[StatxSize];
        try
        {
            if (statx((int)handle.DangerousGetHandle(), "", EmptyPath, InodeMask, ref open[0]) != 0)
                return true;
            return statx(CurrentDirectory, path, 0, InodeMask, ref named[0]) == 0
                && open.Slice(InodeAt, 8).SequenceEqual(named.Slice(InodeAt, 8))
                && open.Slice(DeviceAt, 8).SequenceEqual(named.Slice(DeviceAt, 8));
        }
        catch (EntryPointNotFoundException)
        {
            // An older C library.
            return true;
        }
    }

#pragma warning disable IDE1006, SYSLIB1054 // Names of the C library.
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int fdatasync(SafeFileHandle descriptor);

    // The name under which offsets have 64 bits on every architecture; musl's is the same function.
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int fallocate64(SafeFileHandle descriptor, int mode, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int flock(int descriptor, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int statx(int directory, string path, int flags, uint mask, ref byte result);
#pragma warning restore IDE1006, SYSLIB1054
}
