using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// How two nodes make sure of each other before anything else is said: Hello, Welcome, Ready. Each side checks the other and may answer with Refused instead.
/// Invariant: a connection that comes out of here is between two nodes of one cluster, each the one that the other meant; if frames may pass (<see cref="Meeting.IsFull"/>), each side remembers, durably,
/// the data directory of the other.
/// </summary>
internal sealed class Handshake(HandshakeRules rules)
{
    /// <summary>The dialler's side. Returns once the other side is accepted.</summary>
    /// <exception cref="RefusalException">One side refused the other; if this one did, the other is still to be told.</exception>
    /// <exception cref="FrameException">The other side does not keep to the protocol.</exception>
    public async Task<Meeting> DialAsync(Connection connection, ulong peer, CancellationToken cancellation)
    {
        var self = rules.Own.Current;
        connection.Send(FrameType.Hello, HandshakeRules.Introduce(self, peer));
        using var welcome = await ReadAsync(connection, FrameType.Welcome, cancellation);
        var meeting = rules.CheckWelcome(welcome is null ? default : welcome.Span, self, peer);
        connection.Send(FrameType.Ready, null);
        connection.Widen();
        return meeting;
    }

    /// <summary>The accepting side, up to the point where it has accepted the dialler: <see cref="AcceptReadyAsync"/> comes next.</summary>
    /// <exception cref="RefusalException">One side refused the other; if this one did, the other is still to be told.</exception>
    /// <exception cref="FrameException">The other side does not keep to the protocol.</exception>
    public async Task<Meeting> AcceptHelloAsync(Connection connection, Predicate<ulong> isPeer, CancellationToken cancellation)
    {
        using var hello = await ReadAsync(connection, FrameType.Hello, cancellation);
        var meeting = rules.CheckHello(hello is null ? default : hello.Span, isPeer);
        connection.Send(FrameType.Welcome, HandshakeRules.Introduce(meeting.Self, meeting.Other.Number));
        return meeting;
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
