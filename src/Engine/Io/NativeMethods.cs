using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace RaftKv.Engine.Io;

/// <summary>What .NET has no name for: a data sync that skips timestamps, and the sync of a directory.</summary>
internal static partial class NativeMethods
{
    /// <summary>Read only; close on exec, so that no child process keeps the directory open. The values are those of Linux on every architecture.</summary>
    private const int ReadOnlyCloseOnExec = 0x80000;

    private const int Interrupted = 4;

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

#pragma warning disable IDE1006, SYSLIB1054 // Names of the C library.
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int fdatasync(SafeFileHandle descriptor);

    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int close(int descriptor);
#pragma warning restore IDE1006, SYSLIB1054
}
