using System.Runtime.InteropServices;

namespace RaftKv.Engine.Io;

/// <summary>The real disk.</summary>
/// <remarks>
/// Invariant: <see cref="SyncDirectory"/> and <see cref="IFile.SyncData"/> return only after the kernel said that the device has the bytes; every other outcome throws.
/// </remarks>
public sealed class PhysicalFileSystem : IFileSystem
{
    // EOPNOTSUPP
    internal const int NotSupported = 95;

    // EACCES
    private const int AccessDenied = 13;

    /// <inheritdoc/>
    public IFile Open(string path, OpenMode mode)
    {
        var how = mode switch
        {
            OpenMode.Existing => FileMode.Open,
            OpenMode.CreateNew => FileMode.CreateNew,
            _ => FileMode.OpenOrCreate,
        };

        try
        {
            // Shared, because a segment is renamed while readers still hold it open.
            return new PhysicalFile(path, File.OpenHandle(path, how, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));
        }
        catch (IOException e) when (IsDiskFull(e))
        {
            throw DiskFull(path, e);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (IOException e) when (IsDiskFull(e))
        {
            throw DiskFull(path, e);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        var names = new List<string>();
        foreach (var path in Directory.EnumerateFileSystemEntries(directory))
            names.Add(Path.GetFileName(path));
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <inheritdoc/>
    public void DeleteFile(string path)
    {
        if (Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            File.Delete(path);
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: true);
        }
        catch (IOException e) when (IsDiskFull(e))
        {
            throw DiskFull(to, e);
        }
    }

    /// <inheritdoc/>
    public long FreeBytes(string directory)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return long.MaxValue;
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path)
    {
        // Windows has no such call: NTFS journals names, and nothing more can be asked of it.
        if (OperatingSystem.IsWindows())
            return;
        var error = NativeMethods.SyncDirectory(path);
        if (error == AccessDenied)
            throw new UnauthorizedAccessException($"The directory {path} may not be read, and so not be synced.");
        if (IsOutOfFiles(error))
            throw DiskFull(path, new IOException(Marshal.GetPInvokeErrorMessage(error), error));
        if (error != 0)
            throw new IOException($"The directory {path} could not be synced: {Marshal.GetPInvokeErrorMessage(error)}.", error);
    }

    /// <summary>Whether the error means that no space, no quota or no file descriptor is left: it may be otherwise a little later.</summary>
    internal static bool IsDiskFull(IOException e)
    {
        const int NoSpace = 28, QuotaExceeded = 122, MacQuotaExceeded = 69, WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);
        return OperatingSystem.IsWindows()
            ? e.HResult is WindowsDiskFull or WindowsHandleDiskFull
            : IsOutOfFiles(e.HResult) || e.HResult == NoSpace || e.HResult == (OperatingSystem.IsMacOS() ? MacQuotaExceeded : QuotaExceeded);
    }

    /// <summary>The same for an error number of Linux.</summary>
    internal static bool IsDiskFull(int error) => error is 28 or 122;

    /// <summary>EMFILE, ENFILE: the process, or the machine, has as many files open as it may.</summary>
    private static bool IsOutOfFiles(int error) => !OperatingSystem.IsWindows() && error is 24 or 23;

    internal static DiskFullException DiskFull(string path, IOException? e) => e is not null && IsOutOfFiles(e.HResult)
        ? new($"No more files can be opened, and {path} was to be: the process has as many files and connections open as it may.", e)
        : new($"The disk is full: there is no space left to write {path}.", e);
}
