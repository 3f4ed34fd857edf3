using System.Runtime.InteropServices;

namespace RaftKv.Engine.Io;

/// <summary>What the operating system lets this process have.</summary>
public static partial class ProcessLimits
{
    /// <summary>RLIMIT_NOFILE, by its number.</summary>
    private const int OpenFilesOnLinux = 7, OpenFilesOnMac = 8;

    /// <summary>How many files and sockets may be open at once; null where there is no such limit.</summary>
    public static long? MaxOpenFiles
    {
        get
        {
            if (OperatingSystem.IsWindows() || getrlimit(OperatingSystem.IsMacOS() ? OpenFilesOnMac : OpenFilesOnLinux, out var limit) != 0)
                return null;
            return limit.Current > long.MaxValue ? null : (long)limit.Current;
        }
    }

    private struct Limit
    {
        public ulong Current;
        public ulong Most;
    }

#pragma warning disable IDE1006, SYSLIB1054 // Names of the C library.
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int getrlimit(int resource, out Limit limit);
#pragma warning restore IDE1006, SYSLIB1054
}
