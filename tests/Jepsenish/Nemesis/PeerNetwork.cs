using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using RaftKv.Consensus.Transport;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>
/// The network between the nodes: the address of each in the cluster's list is a port of this process, which passes frames on to the node's real one. So links can be partitioned, slowed and spoilt
/// without any privilege. Who dials is told by his first frame, in which he introduces himself.
/// </summary>
internal sealed class PeerNetwork : IDisposable
{
    // Of a Hello frame: head, magic (8), versions (2 + 2), cluster (8), then the sender's number.
    private const int SenderOffset = FrameHeader.Size + 8 + 4 + 8;

    private readonly Link[,] _links;
    private readonly TcpListener[] _listeners;
    private readonly int[] _targets;
    private readonly List<ProxiedConnection> _connections = [];
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();

    /// <summary>Listens at <paramref name="ports"/>; connections to the i-th are passed on to the i-th of <paramref name="targets"/>, the port of node i + 1.</summary>
    public PeerNetwork(IReadOnlyList<int> ports, IReadOnlyList<int> targets)
    {
        _targets = [.. targets];
        _links = new Link[targets.Count + 1, targets.Count + 1];
        for (var from = 1; from <= targets.Count; from++)
        {
            for (var to = 1; to <= targets.Count; to++)
                _links[from, to] = new Link(from, to);
        }
        _listeners = [.. ports.Select(p => new TcpListener(IPAddress.Loopback, p))];
        for (var i = 0; i < _listeners.Length; i++)
        {
            _listeners[i].Start();
            _ = AcceptAsync(_listeners[i], i + 1);
        }
    }

    /// <summary>All links between two different nodes.</summary>
    public IEnumerable<Link> Links => _links.Cast<Link?>().Where(l => l is not null && l.From != l.To)!;

    /// <summary>Links from and to a node.</summary>
    public IEnumerable<Link> Around(int node) => Links.Where(l => l.From == node || l.To == node);

    /// <summary>The link from one node to another.</summary>
    public Link Between(int from, int to) => _links[from, to];

    /// <summary>The connections that stand on these links stop passing anything on, for ever and unnoticed: half-open. New ones are not concerned.</summary>
    public void Freeze(IEnumerable<Link> links)
    {
        foreach (var link in links)
            Standing(link).ForEach(c => c.Freeze());
    }

    /// <summary>Links are cut: their connections are closed, and none is made until healed.</summary>
    public void Cut(IEnumerable<Link> links)
    {
        foreach (var link in links)
        {
            link.Cut = true;
            Standing(link).ForEach(c => c.Dispose());
        }
    }

    /// <summary>Every link is as good as new. Frozen connections stay frozen.</summary>
    public void Heal()
    {
        foreach (var link in Links)
            link.Heal();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        foreach (var listener in _listeners)
            listener.Dispose();
        lock (_gate)
            _connections.ForEach(c => c.Dispose());
    }

    private List<ProxiedConnection> Standing(Link link)
    {
        lock (_gate)
            return _connections.FindAll(c => c.IsOn(link));
    }

    private async Task AcceptAsync(TcpListener listener, int target)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                _ = ServeAsync(await listener.AcceptSocketAsync(_end.Token), target);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                continue; // The network is being taken down, or a dialler gave up before it was accepted.
            }
        }
    }

    private async Task ServeAsync(Socket dialler, int target)
    {
        dialler.NoDelay = true;
        var hello = await ProxiedConnection.ReadFrameAsync(dialler, _end.Token);
        var sender = hello is { Length: >= SenderOffset + 8 } ? BinaryPrimitives.ReadUInt64LittleEndian(hello.AsSpan(SenderOffset)) : 0;
        var node = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (sender is 0 || sender > (ulong)_targets.Length || Between((int)sender, target).Cut || !await TryConnectAsync(node, _targets[target - 1]))
        {
            dialler.Dispose();
            node.Dispose();
            return;
        }
        using var connection = new ProxiedConnection(dialler, node, Between((int)sender, target), Between(target, (int)sender));
        lock (_gate)
            _connections.Add(connection);
        await connection.RunAsync(hello!);
        lock (_gate)
            _connections.Remove(connection);
    }

    private async Task<bool> TryConnectAsync(Socket socket, int port)
    {
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), _end.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return false; // The node is down.
        }
    }
}
