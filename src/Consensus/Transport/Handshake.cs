using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// How two nodes make sure of each other before anything else is said: Hello, Welcome, Ready. Each side checks the other and may answer with Refused instead.
/// Invariant: a connection that comes out of here is between two nodes of one cluster, each the one that the other meant, and each side remembers, durably,
/// the data directory of the other.
/// </summary>
internal sealed class Handshake(NodeIdentity self, IPeerRegistry registry)
{
    /// <summary>The dialler's side. Returns once the other side is accepted.</summary>
    /// <exception cref="RefusalException">One side refused the other; if this one did, the other is still to be told.</exception>
    /// <exception cref="FrameException">The other side does not keep to the protocol.</exception>
    public async Task<NodeIdentity> DialAsync(Connection connection, ulong peer, CancellationToken cancellation)
    {
        Introduce(connection, FrameType.Hello, peer);
        var other = await ReadIntroductionAsync(connection, FrameType.Welcome, cancellation);
        if (other.Number != peer)
            throw new RefusalException(RefusalCode.Receiver, $"node {peer} was expected at this address, node {other.Number} ({other.Name}) answered");
        CheckRegistry(other);
        connection.Send(FrameType.Ready, null);
        connection.Widen();
        return other;
    }

    /// <summary>The accepting side, up to the point where it has accepted the dialler: <see cref="AcceptReadyAsync"/> comes next.</summary>
    /// <exception cref="RefusalException">One side refused the other; if this one did, the other is still to be told.</exception>
    /// <exception cref="FrameException">The other side does not keep to the protocol.</exception>
    public async Task<NodeIdentity> AcceptHelloAsync(Connection connection, Predicate<ulong> isPeer, CancellationToken cancellation)
    {
        var other = await ReadIntroductionAsync(connection, FrameType.Hello, cancellation);
        if (!isPeer(other.Number))
            throw new RefusalException(RefusalCode.Unknown, $"node {other.Number} ({other.Name}) is no peer of node {self.Number} ({self.Name})");
        if (other.Number > self.Number)
            throw new RefusalException(RefusalCode.Malformed, $"node {other.Number} is to be dialled by node {self.Number}, not the other way round");
        CheckRegistry(other);
        Introduce(connection, FrameType.Welcome, other.Number);
        return other;
    }

    /// <summary>Waits for the dialler's consent.</summary>
    /// <exception cref="RefusalException">The dialler refuses this node.</exception>
    /// <exception cref="FrameException">The other side does not keep to the protocol.</exception>
    public static async Task AcceptReadyAsync(Connection connection, CancellationToken cancellation)
    {
        var payload = await ReadAsync(connection, FrameType.Ready, cancellation);
        payload?.Dispose();
        connection.Widen();
    }

    private void Introduce(Connection connection, FrameType type, ulong receiver)
    {
        var payload = new PooledBuffer(256);
        new Introduction(Introduction.Version, Introduction.Version, self, receiver).Write(payload);
        connection.Send(type, payload);
    }

    private async Task<NodeIdentity> ReadIntroductionAsync(Connection connection, FrameType type, CancellationToken cancellation)
    {
        using var payload = await ReadAsync(connection, type, cancellation);
        var introduction = Introduction.Read(payload is null ? default : payload.Span);
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

    private static async Task<PooledBuffer?> ReadAsync(Connection connection, FrameType expected, CancellationToken cancellation)
    {
        var (type, payload) = await connection.ReceiveAsync(cancellation);
        if (type == expected)
            return payload;
        using (payload)
        {
            throw type == FrameType.Refused
                ? RefusalException.Read(payload is null ? default : payload.Span)
                : new FrameException($"a frame of type {(byte)type} came where {expected} was expected");
        }
    }
}
