using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Store;

/// <summary>Reads an image front to back. One reader's calls come one at a time, from any thread. Equal states give equal bytes, whichever implementation wrote them.</summary>
public interface ISnapshotReader : IDisposable
{
    /// <summary>What the image contains.</summary>
    AppliedPosition Position { get; }

    /// <summary>Appends up to about <paramref name="maxBytes"/> (a single record may exceed it) of the image; false when there was nothing left.</summary>
    bool ReadChunk(PooledBuffer into, int maxBytes);
}
