namespace RaftKv.Consensus.Groups;

/// <summary>
/// <see cref="IFileLocks"/> by an open file that admits no other: flock(2) on Unix, which the kernel gives back however the process ends.
/// </summary>
public sealed class FileLocks : IFileLocks
{
    // What FileStream reports when another process, or another handle of this one, has the lock: EWOULDBLOCK on Unix, ERROR_SHARING_VIOLATION on Windows.
    private const int WouldBlock = 11;
    private const int WouldBlockOnMac = 35;
    private const int SharingViolation = unchecked((int)0x80070020);

    private FileLocks()
    {
    }

    /// <summary>The only instance.</summary>
    public static FileLocks Instance { get; } = new();

    /// <inheritdoc/>
    public IDisposable? TryAcquire(string path)
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
