using System.Collections.Concurrent;
using System.Net;
using System.Text;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>One node's transport on a free port of 127.0.0.1, with everything a test looks at.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    public TestNode(ulong number, ulong cluster = 7, ulong? incarnation = null, string? name = null, TransportOptions? options = null, IPeerRegistry? registry = null)
        : this(new OwnIdentity(new NodeIdentity(cluster, number, name ?? $"n{number}", incarnation ?? (number * 1000))), options, registry)
    {
    }

    public TestNode(OwnIdentity own, TransportOptions? options = null, IPeerRegistry? registry = null)
    {
        Identity = own.Current;
        Registry = registry ?? new MemoryRegistry();
        Transport = new TcpTransport(own, options ?? Options, Registry, Handler, Logger);
    }

    /// <summary>Short pauses, and no disconnecting of a peer because the machine is busy.</summary>
    public static TransportOptions Options { get; } = new()
    {
        Listen = new IPEndPoint(IPAddress.Loopback, 0),
        PeerTimeout = TimeSpan.FromSeconds(30),
        MaxBackoff = TimeSpan.FromMilliseconds(50),
        HandshakeTimeout = TimeSpan.FromSeconds(20),
    };

    public NodeIdentity Identity { get; }

    public IPeerRegistry Registry { get; }

    public RecordingHandler Handler { get; } = new();

    public LineLogger Logger { get; } = new();

    public TcpTransport Transport { get; }

    public int Port => Transport.LocalEndPoint.Port;

    /// <summary>Makes nodes peers of each other and starts them.</summary>
    public static void Start(params TestNode[] nodes)
    {
        foreach (var node in nodes)
        {
            foreach (var other in nodes.Where(other => other != node))
                node.Knows(other.Identity.Number, other.Port);
            node.Transport.Start();
        }
    }

    public static PooledBuffer Frame(string text)
    {
        var frame = new PooledBuffer();
        frame.Write(Encoding.UTF8.GetBytes(text));
        return frame;
    }

    public void Knows(ulong number, int port) => Transport.SetPeer(new PeerAddress(number, "127.0.0.1", port));

    public bool Send(ulong peer, string text) => Transport.Send(peer, Frame(text));

    public ValueTask DisposeAsync() => Transport.DisposeAsync();

    public sealed class MemoryRegistry : IPeerRegistry
    {
        private readonly ConcurrentDictionary<ulong, (string Name, ulong Incarnation)> _peers = new();

        public PeerCheck Check(ulong peer, string name, ulong incarnation, bool remember = true)
        {
            (string Name, ulong Incarnation) known = remember ? _peers.GetOrAdd(peer, (name, incarnation)) : _peers.GetValueOrDefault(peer, (name, incarnation));
            return known.Incarnation != incarnation ? PeerCheck.OtherIncarnation : known.Name != name ? PeerCheck.OtherName : PeerCheck.Accepted;
        }
    }
}
