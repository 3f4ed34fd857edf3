using Microsoft.Win32.SafeHandles;

namespace RaftKv.Engine.Io;

/// <summary>
/// An exclusive lock between processes by flock(2), which the kernel gives back however the process ends: on the directory that holds a file, and on the file.
/// The directory's lock is its inode's, so it holds whatever happens to the file, and whichever path, symbolic link or bind mount leads there. The file's lock is for file systems that cannot lock
/// directories (NFS, where flock is a lock of the server's), and for Windows.
/// Invariant: what is locked is what the path stands for once it is locked; a file or directory that was replaced meanwhile is let go.
/// </summary>
public sealed class InodeLock : IDisposable
{
    // What FileStream reports when another process, or another handle of this one, has the lock: EWOULDBLOCK on Unix, ERROR_SHARING_VIOLATION on Windows.
    private const int WouldBlock = 11;
    private const int WouldBlockOnMac = 35;
    private const int SharingViolation = unchecked((int)0x80070020);

    private const int MaxAttempts = 10;

    private readonly SafeFileHandle? _directory;
    private readonly FileStream _file;

    private InodeLock(SafeFileHandle? directory, FileStream file) => (_directory, _file) = (directory, file);

    /// <summary>Takes the lock named by the path of a file, creating the file if need be; null if somebody holds it.</summary>
    /// <exception cref="IOException">The file cannot be opened, or was replaced again and again meanwhile.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static InodeLock? TryAcquire(string path)
    {
        path = Path.GetFullPath(path);
        var directory = Path.GetDirectoryName(path)!;
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            SafeFileHandle? lockOfDirectory = null;
            if (!OperatingSystem.IsWindows())
            {
                lockOfDirectory = NativeMethods.TryLockDirectory(directory, out var error);
                if (lockOfDirectory is null && error == 0)
                    return null;
            }

            FileStream? lockOfFile = null;
            try
            {
                lockOfFile = TryLockFile(path);
                if (lockOfFile is null)
                    return null;
                if ((lockOfDirectory is null || NativeMethods.IsSameInode(lockOfDirectory, directory)) && NativeMethods.IsSameInode(lockOfFile.SafeFileHandle, path))
                {
                    var held = new InodeLock(lockOfDirectory, lockOfFile);
                    (lockOfDirectory, lockOfFile) = (null, null);
                    return held;
                }
            }
            finally
            {
                lockOfFile?.Dispose();
                lockOfDirectory?.Dispose();
            }
        }

        throw new IOException($"{path} was replaced again and again while it was being locked");
    }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _directory?.Dispose();
    }

    private static FileStream? TryLockFile(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
        }
        catch (IOException e) when (e.HResult is WouldBlock or WouldBlockOnMac or SharingViolation)
        {
            return null;
        }
    }
}
