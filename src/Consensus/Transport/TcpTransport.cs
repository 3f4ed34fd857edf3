using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// <see cref="ITransport"/> over TCP. One connection per pair of nodes, dialled by the one with the smaller number, so that two dialling at once cannot arise.
/// Frames are framed, checksummed and bounded; both sides prove to mean each other before the first one (<see cref="Handshake"/>).
/// Peers are told to it, and may be added and removed while it runs. Thread-safe.
/// </summary>
public sealed class TcpTransport : ITransport
{
    private readonly OwnIdentity _own;
    private readonly ulong _self;
    private readonly TransportOptions _options;
    private readonly ITransportHandler _handler;
    private readonly ILogger _logger;
    private readonly Handshake _handshake;
    private readonly Listener _listener;
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _liveness;

    // Replaced, never changed: senders look peers up without a lock.
    private volatile Dictionary<ulong, Peer> _peers = [];
    private bool _started;
    private bool _stopped;

    /// <summary>Binds the listening port; nothing is accepted or dialled before <see cref="Start"/>.</summary>
    /// <exception cref="SocketException">The address is in use, or not this machine's.</exception>
    public TcpTransport(OwnIdentity own, TransportOptions options, IPeerRegistry registry, ITransportHandler handler, ILogger<TcpTransport> logger)
    {
        (_own, _self, _options, _handler, _logger) = (own, own.Current.Number, options, handler, logger);
        _handshake = new Handshake(new HandshakeRules(own, registry));
        _listener = new Listener(options, _handshake, FindPeer, logger);
        // A thread of its own: keep-alives must go out in time even when the pool is busy.
        _liveness = new Thread(WatchLiveness) { IsBackground = true, Name = "raftkv-liveness" };
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint LocalEndPoint => _listener.EndPoint;

    /// <summary>Accepted connections that are without a complete handshake.</summary>
    internal int PendingHandshakes => _listener.PendingCount;

    /// <summary>Begins to accept and to dial the peers told so far.</summary>
    public void Start()
    {
        lock (_gate)
        {
            Invariant.That(!_started && !_stopped, "a transport is started once");
            _started = true;
            TransportLog.Listening(_logger, Connection.Readable(LocalEndPoint));
            _listener.Start();
            _liveness.Start();
            foreach (var peer in _peers.Values)
                DialIfOurs(peer);
        }
    }

    /// <summary>Adds a peer, or changes its address; a standing connection to it stays.</summary>
    public void SetPeer(PeerAddress address)
    {
        Invariant.That(address.Number != _self && address.Number != 0, $"node {_self} cannot have node {address.Number} for a peer");
        lock (_gate)
        {
            if (_stopped)
                return;
            if (_peers.TryGetValue(address.Number, out var known))
            {
                known.Address = address;
                return;
            }

            var peer = new Peer(address, _options, _handshake, _own, _handler, _logger);
            _peers = new Dictionary<ulong, Peer>(_peers) { [address.Number] = peer };
            if (_started)
                DialIfOurs(peer);
        }
    }

    /// <summary>Removes a peer: its connection is closed, and it is not accepted any more. The handler hears nothing more of it once this has ended, so a call of the handler must not wait for it.</summary>
    public async Task RemovePeerAsync(ulong number)
    {
        Peer? removed;
        lock (_gate)
        {
            var rest = new Dictionary<ulong, Peer>(_peers);
            if (_stopped || !rest.Remove(number, out removed))
                return;
            _peers = rest;
        }

        await removed.DisposeAsync();
    }

    /// <inheritdoc/>
    public bool Send(ulong peer, PooledBuffer frame)
    {
        if (frame.Length > _options.MaxFrameBytes)
        {
            // Nobody makes one; but whoever did must not take its node down with it, and the other side would take it for garbage.
            TransportLog.FrameTooLong(_logger, peer, frame.Length, _options.MaxFrameBytes);
            frame.Dispose();
            return false;
        }

        if (_peers.TryGetValue(peer, out var known) && known.Active is { } connection)
            return connection.Send(FrameType.Data, frame);
        frame.Dispose();
        return false;
    }

    /// <inheritdoc/>
    public int MaxFrameBytes => _options.MaxFrameBytes;

    /// <inheritdoc/>
    public long FreeBytes(ulong peer) => _peers.TryGetValue(peer, out var known) && known.Active is { } connection ? connection.FreeBytes : 0;

    /// <inheritdoc/>
    public bool IsConnected(ulong peer) => _peers.TryGetValue(peer, out var known) && known.Active is { ClosedBecause: null };

    /// <summary>Closes everything. The handler hears nothing more once this has ended, so a call of the handler must not wait for it.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_stopped)
                return;
            _stopped = true;
        }

        _stopping.Set();
        await _listener.DisposeAsync();
        await Task.WhenAll(_peers.Values.Select(peer => peer.DisposeAsync().AsTask()));
        if (_started)
            _liveness.Join();
        _stopping.Dispose();
    }

    private Peer? FindPeer(ulong number) => _peers.GetValueOrDefault(number);

    private void DialIfOurs(Peer peer)
    {
        if (_self < peer.Number)
            peer.StartDialling();
    }

    private void WatchLiveness()
    {
        var tick = (int)Math.Max(1, Math.Min(_options.KeepAliveInterval.TotalMilliseconds, _options.PeerTimeout.TotalMilliseconds) / 2);
        var last = Environment.TickCount64;
        while (!_stopping.Wait(tick))
        {
            var now = Environment.TickCount64;
            // A late tick means that this process was paused; silence of others during it proves nothing.
            var elapsed = Math.Min(now - last, 2 * tick);
            last = now;
            foreach (var peer in _peers.Values)
                peer.Watched?.CheckLiveness(elapsed);
        }
    }
}
