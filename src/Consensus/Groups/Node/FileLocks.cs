using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Groups.Node;

/// <summary><see cref="IFileLocks"/> by <see cref="InodeLock"/>.</summary>
public sealed class FileLocks : IFileLocks
{
    private FileLocks()
    {
    }

    /// <summary>The only instance.</summary>
    public static FileLocks Instance { get; } = new();

    /// <inheritdoc/>
    public IDisposable? TryAcquire(string path) => InodeLock.TryAcquire(path);
}
