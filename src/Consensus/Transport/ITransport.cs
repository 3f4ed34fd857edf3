using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Frames between this node and its peers, over one connection per pair. At most once, in order per connection; a frame may be lost whenever a connection breaks or a queue is full.
/// </summary>
public interface ITransport : IAsyncDisposable
{
    /// <summary>
    /// Sends one frame. Takes ownership of <paramref name="frame"/>, whatever the outcome. Never blocks: false, and the frame is dropped, when there is no connection, its queue is full, or the frame is longer than <see cref="MaxFrameBytes"/>.
    /// Thread-safe; frames of one thread keep their order.
    /// </summary>
    bool Send(ulong peer, PooledBuffer frame);

    /// <summary>Longest frame that <see cref="Send"/> takes.</summary>
    int MaxFrameBytes { get; }

    /// <summary>Bytes of frames that the peer's queue takes before it drops some; 0 without a connection. Thread-safe, and may have changed by the time of a call to <see cref="Send"/>.</summary>
    long FreeBytes(ulong peer);

    /// <summary>Whether the handshake with the peer is complete and the connection stands.</summary>
    bool IsConnected(ulong peer);
}
