using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Accepts connections and takes them through the handshake. Strangers can cost no more than a bounded number of sockets and small buffers, for a bounded time:
/// when too many are without a handshake, the oldest gives way, since an honest one needs milliseconds.
/// </summary>
internal sealed class Listener : IAsyncDisposable
{
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(100);
    private const long TellAgainAfter = 60_000;

    private readonly TransportOptions _options;
    private readonly Handshake _handshake;
    private readonly Func<ulong, Peer?> _findPeer;
    private readonly ILogger _logger;
    private readonly Socket _socket;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly LinkedList<Connection> _pending = new();
    private Task _accepting = Task.CompletedTask;
    private long _nextTelling;

    /// <summary>Binds.</summary>
    /// <exception cref="SocketException">The address is in use, or not this machine's.</exception>
    public Listener(TransportOptions options, Handshake handshake, Func<ulong, Peer?> findPeer, ILogger logger)
    {
        (_options, _handshake, _findPeer, _logger) = (options, handshake, findPeer, logger);
        _socket = new Socket(options.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // The IPv6 wildcard is every address of the machine, as everywhere else.
            if (options.Listen.Address.Equals(IPAddress.IPv6Any))
                _socket.DualMode = true;
            _socket.Bind(options.Listen);
            _socket.Listen(backlog: 128);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Connections without a complete handshake.</summary>
    public int PendingCount
    {
        get
        {
            lock (_gate)
                return _pending.Count;
        }
    }

    /// <summary>Begins to accept.</summary>
    public void Start() => _accepting = Supervisor.Run(AcceptForeverAsync);

    /// <summary>Stops accepting and closes what is without a handshake.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _socket.Dispose();
        await _accepting;
        lock (_gate)
        {
            foreach (var connection in _pending)
                connection.Close("this node is stopping");
        }

        // The source of the token is left to the collector: handshakes that are ending may still hold it.
    }

    private async Task AcceptForeverAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await _socket.AcceptAsync(_stopping.Token);
                Admit(socket);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                // Stopping.
            }
            catch (SocketException e)
            {
                // Out of descriptors, say; without the pause this would be a busy loop.
                if (Environment.TickCount64 >= _nextTelling)
                {
                    _nextTelling = Environment.TickCount64 + TellAgainAfter;
                    TransportLog.AcceptFailed(_logger, e.Message);
                }

                await Task.Delay(PauseAfterFailure, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Admit(Socket socket)
    {
        Connection connection;
        try
        {
            connection = new Connection(socket, _options);
        }
        catch (SocketException)
        {
            // Gone before it was looked at.
            socket.Dispose();
            return;
        }

        Connection? givesWay = null;
        LinkedListNode<Connection> entry;
        lock (_gate)
        {
            if (_pending.Count >= _options.MaxPendingHandshakes)
            {
                givesWay = _pending.First!.Value;
                _pending.RemoveFirst();
            }

            entry = _pending.AddLast(connection);
        }

        givesWay?.Close($"more than {_options.MaxPendingHandshakes} connections are without a handshake; the oldest gives way");
        _ = Supervisor.Run(() => GreetAsync(connection, entry));
    }

    private async Task GreetAsync(Connection connection, LinkedListNode<Connection> entry)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(_options.HandshakeTimeout);
        Peer? peer = null;
        try
        {
            var meeting = await _handshake.AcceptHelloAsync(connection, number => _findPeer(number) is not null, timeout.Token);
            peer = _findPeer(meeting.Other.Number) ?? throw new RefusalException(RefusalCode.Unknown, $"{meeting.Other.Title} was removed just now");
            await Handshake.AcceptReadyAsync(connection, timeout.Token);
            _ = peer.AdoptAsync(connection, meeting);
            return;
        }
        catch (RefusalException e) when (e.ByOther)
        {
            if (peer is not null)
                await peer.ReportRefusalAsync(e, connection.RemoteEnd);
            else
                TransportLog.HandshakeFailed(_logger, connection.RemoteEnd, e.Message);
        }
        catch (RefusalException e)
        {
            TransportLog.Refused(_logger, connection.RemoteEnd, e.Message);
            await connection.RefuseAsync(e, timeout.Token);
            if (_findPeer(e.Sender) is { } disagreeing)
                await disagreeing.ReportDisagreementAsync(e, connection.RemoteEnd);
        }
        catch (Exception e) when (e is FrameException or EndOfStreamException or SocketException or ObjectDisposedException or DiskFullException)
        {
            TransportLog.HandshakeFailed(_logger, connection.RemoteEnd, connection.ClosedBecause ?? e.Message);
        }
        catch (OperationCanceledException)
        {
            TransportLog.HandshakeFailed(_logger, connection.RemoteEnd, "no handshake in time");
        }
        finally
        {
            lock (_gate)
            {
                if (entry.List is not null)
                    _pending.Remove(entry);
            }
        }

        connection.Dispose();
    }
}
