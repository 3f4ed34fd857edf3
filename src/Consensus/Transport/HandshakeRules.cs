using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Whom a node accepts, from the bytes of an introduction: the part of the <see cref="Handshake"/> that knows no connection, so that a simulation runs it too. Thread-safe as far as the registry is.
/// </summary>
internal sealed class HandshakeRules(NodeIdentity self, IPeerRegistry registry)
{
    /// <summary>This node's introduction to another.</summary>
    public PooledBuffer Introduce(ulong receiver)
    {
        var payload = new PooledBuffer(256);
        new Introduction(Introduction.Version, Introduction.Version, self, receiver).Write(payload);
        return payload;
    }

    /// <summary>What the dialler makes of a Welcome; the peer is remembered, durably.</summary>
    /// <exception cref="RefusalException">It is refused.</exception>
    public NodeIdentity CheckWelcome(ReadOnlySpan<byte> introduction, ulong peer)
    {
        var other = Read(introduction);
        if (other.Number != peer)
            throw new RefusalException(RefusalCode.Receiver, $"node {peer} was expected at this address, node {other.Number} ({other.Name}) answered");
        CheckRegistry(other);
        return other;
    }

    /// <summary>What the accepting side makes of a Hello; the dialler is remembered, durably.</summary>
    /// <exception cref="RefusalException">It is refused.</exception>
    public NodeIdentity CheckHello(ReadOnlySpan<byte> introduction, Predicate<ulong> isPeer)
    {
        var other = Read(introduction);
        if (!isPeer(other.Number))
            throw new RefusalException(RefusalCode.Unknown, $"node {other.Number} ({other.Name}) is no peer of node {self.Number} ({self.Name})");
        if (other.Number > self.Number)
            throw new RefusalException(RefusalCode.Malformed, $"node {other.Number} is to be dialled by node {self.Number}, not the other way round");
        CheckRegistry(other);
        return other;
    }

    private NodeIdentity Read(ReadOnlySpan<byte> payload)
    {
        var introduction = Introduction.Read(payload);
        var other = introduction.Sender;
        if (other.Cluster != self.Cluster)
            throw new RefusalException(
                RefusalCode.Cluster, $"node {other.Number} ({other.Name}) belongs to cluster {other.Cluster:x16}, node {self.Number} ({self.Name}) to cluster {self.Cluster:x16}");
        if (introduction.Receiver != self.Number)
            throw new RefusalException(RefusalCode.Receiver, $"node {introduction.Receiver} was expected at this address, node {self.Number} ({self.Name}) answered");
        return other;
    }

    private void CheckRegistry(NodeIdentity other)
    {
        switch (registry.Check(other.Number, other.Name, other.Incarnation))
        {
            case PeerCheck.OtherIncarnation:
                throw new RefusalException(
                    RefusalCode.Incarnation,
                    $"node {other.Number} ({other.Name}) is known to node {self.Number} ({self.Name}) by another data directory; a node that lost its data must join under a new number");
            case PeerCheck.OtherName:
                throw new RefusalException(RefusalCode.Name, $"node {other.Number} calls itself {other.Name}, but is known to node {self.Number} ({self.Name}) by another name");
        }
    }
}
