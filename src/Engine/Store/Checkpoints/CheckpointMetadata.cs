using FASTER.core;

namespace RaftKv.Engine.Store.Checkpoints;

/// <summary>
/// Where FASTER leaves the metadata of a checkpoint and finds it at recovery: in memory, because on disk it belongs into our manifest, which alone is trusted.
/// Only log checkpoints of the fold-over kind are taken, which need no further files.
/// </summary>
internal sealed class CheckpointMetadata : ICheckpointManager
{
    private Guid _token;
    private byte[]? _metadata;

    /// <summary>The metadata of the checkpoint that FASTER has just completed, or null while it has not.</summary>
    public byte[]? Take() => Interlocked.Exchange(ref _metadata, null);

    /// <summary>Gives FASTER the metadata to recover from.</summary>
    public void Provide(Guid token, byte[] metadata)
    {
        _token = token;
        _metadata = metadata;
    }

    /// <inheritdoc/>
    public void CommitLogCheckpoint(Guid logToken, byte[] commitMetadata)
    {
        _token = logToken;
        Volatile.Write(ref _metadata, commitMetadata);
    }

    /// <inheritdoc/>
    public byte[] GetLogCheckpointMetadata(Guid logToken, DeltaLog deltaLog, bool scanDelta = false, long recoverTo = -1)
    {
        Invariant.That(logToken == _token && _metadata is not null, $"FASTER asked for checkpoint {logToken}");
        return _metadata;
    }

    /// <inheritdoc/>
    public IEnumerable<Guid> GetLogCheckpointTokens() => [_token];

    /// <inheritdoc/>
    public IEnumerable<Guid> GetIndexCheckpointTokens() => [];

    /// <inheritdoc/>
    public void InitializeIndexCheckpoint(Guid indexToken) => throw Unused();

    /// <inheritdoc/>
    public void CommitIndexCheckpoint(Guid indexToken, byte[] commitMetadata) => throw Unused();

    /// <inheritdoc/>
    public void CommitLogIncrementalCheckpoint(Guid logToken, long version, byte[] commitMetadata, DeltaLog deltaLog) => throw Unused();

    /// <inheritdoc/>
    public byte[] GetIndexCheckpointMetadata(Guid indexToken) => throw Unused();

    /// <inheritdoc/>
    public IDevice GetIndexDevice(Guid indexToken) => throw Unused();

    /// <inheritdoc/>
    public IDevice GetSnapshotLogDevice(Guid token) => throw Unused();

    /// <inheritdoc/>
    public IDevice GetSnapshotObjectLogDevice(Guid token) => throw Unused();

    /// <summary>None: FASTER asks at recovery whether there is one.</summary>
    public IDevice GetDeltaLogDevice(Guid token) => null!;

    /// <inheritdoc/>
    public void InitializeLogCheckpoint(Guid logToken)
    {
    }

    /// <inheritdoc/>
    public void CheckpointVersionShift(long oldVersion, long newVersion)
    {
    }

    /// <inheritdoc/>
    public void OnRecovery(Guid indexToken, Guid logToken)
    {
    }

    /// <inheritdoc/>
    public void Purge(Guid token)
    {
    }

    /// <inheritdoc/>
    public void PurgeAll()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static InvariantViolationException Unused() => new("FASTER asked for a kind of checkpoint that the store never takes");
}
