namespace RaftKv.Consensus.Groups.Node;

/// <summary>Exclusive locks between processes, by file name. A seam, because a simulated disk has no processes. Thread-safe.</summary>
public interface IFileLocks
{
    /// <summary>Takes the lock named by a path, creating the file if need be; null if somebody holds it. Disposing it, or the end of the process, gives it back.</summary>
    /// <exception cref="IOException">The file cannot be opened for another reason.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    IDisposable? TryAcquire(string path);
}
