namespace RaftKv.Engine.Store;

/// <summary>Receives an image. Disposed without <see cref="Complete"/>, it leaves the group as it was. Used by the shard's thread.</summary>
public interface ISnapshotWriter : IDisposable
{
    /// <summary>Adds the next chunk, exactly as a reader produced it.</summary>
    /// <exception cref="InvalidDataException">The bytes are not an image.</exception>
    void Write(ReadOnlySpan<byte> chunk);

    /// <summary>Replaces the group's state, atomically for readers; durable after the next completed checkpoint.</summary>
    void Complete(AppliedPosition position);
}
