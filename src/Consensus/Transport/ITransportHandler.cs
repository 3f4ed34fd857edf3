using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>Receives what a transport has to say. Calls for one peer come one at a time and in order; they must return quickly and not throw.</summary>
public interface ITransportHandler
{
    /// <summary>A connection is up; frames may be sent and will arrive.</summary>
    void OnConnected(ulong peer);

    /// <summary>A frame arrived. The handler owns it and disposes it.</summary>
    void OnFrame(ulong peer, PooledBuffer frame);

    /// <summary>The connection is gone: reported at once, once per <see cref="OnConnected"/>.</summary>
    void OnDisconnected(ulong peer);

    /// <summary>
    /// A peer that this node dialled, or that dialled, refuses it for good (foreign cluster, an identity that it knows by another data directory, incompatible version);
    /// the sentence says why.
    /// </summary>
    void OnRefused(ulong peer, RefusalCode code, string reason);
}
