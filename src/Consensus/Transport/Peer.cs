using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// One peer: its address, the connection to it, and, if this node has the smaller number, the loop that dials it.
/// Invariant: what the handler hears of a peer comes from one chain of tasks (<see cref="_chain"/>), each of which begins when the one before has ended; so calls come
/// one at a time, and every OnConnected is followed by its OnDisconnected before the next.
/// </summary>
internal sealed class Peer : IAsyncDisposable
{
    private const string SaidGoodbye = "it stopped", Stopping = "this node is stopping, or the peer was removed";

    /// <summary>So long the other side has to close the connection after it was told goodbye.</summary>
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromMilliseconds(200);

    private readonly TransportOptions _options;
    private readonly Handshake _handshake;
    private readonly OwnIdentity _own;
    private readonly ITransportHandler _handler;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private volatile PeerAddress _address;
    private volatile Connection? _active;
    private volatile Connection? _held;
    private Connection? _latest;
    private Task _chain = Task.CompletedTask;
    private Task _dialling = Task.CompletedTask;
    private string? _lastRefusal;
    private string? _lastProblem;
    private bool _stopped;

    public Peer(PeerAddress address, TransportOptions options, Handshake handshake, OwnIdentity own, ITransportHandler handler, ILogger logger) =>
        (_address, _options, _handshake, _own, _handler, _logger) = (address, options, handshake, own, handler, logger);

    /// <summary>Its number.</summary>
    public ulong Number => _address.Number;

    /// <summary>Where it listens; a change takes effect at the next attempt to connect.</summary>
    public PeerAddress Address
    {
        set => _address = value;
    }

    /// <summary>The connection that carries frames now, if any.</summary>
    public Connection? Active => _active;

    /// <summary>The connection whose liveness is to be watched, if any: the active one, or one that says only that the peer agrees.</summary>
    public Connection? Watched => _active ?? _held;

    /// <summary>Begins to dial, and goes on until <see cref="DisposeAsync"/>.</summary>
    public void StartDialling() => _dialling = Supervisor.Run(DialForeverAsync);

    /// <summary>
    /// Makes a connection whose handshake is complete the peer's, in place of the one before: that one is dead, as the peer gave it up. Ends when the connection does.
    /// </summary>
    public Task AdoptAsync(Connection connection, Meeting meeting)
    {
        lock (_gate)
        {
            if (_stopped)
            {
                connection.Dispose();
                return Task.CompletedTask;
            }

            _latest?.Close("replaced by a fresh connection");
            _latest = connection;
            var before = _chain;
            return _chain = Supervisor.Run(async () =>
            {
                await before;
                await (meeting.IsFull ? UseAsync(connection, meeting.Other) : HoldAsync(connection, meeting));
            });
        }
    }

    /// <summary>Notes that the peer refuses this node; the handler hears of it unless it has heard the same before.</summary>
    public Task ReportRefusalAsync(RefusalException refusal, string remote)
    {
        if (!refusal.ForGood)
        {
            TransportLog.Unreachable(_logger, Number, remote, refusal.Message);
            return Task.CompletedTask;
        }

        lock (_gate)
        {
            if (_stopped)
                return Task.CompletedTask;
            _latest?.Close("the peer refuses this node");
            var before = _chain;
            return _chain = Supervisor.Run(async () =>
            {
                await before;
                if (_lastRefusal == refusal.Message)
                    return;
                _lastRefusal = refusal.Message;
                TransportLog.RefusedBy(_logger, Number, remote, refusal.Message);
                _handler.OnRefused(Number, refusal.Code, refusal.Message);
            });
        }
    }

    /// <summary>
    /// Notes that this node refused one that introduced itself as the peer, and was told other things of the cluster. While this node is provisional, either may be the one with the wrong flags, and it
    /// need not go on when most of the others disagree; later the cluster is what it is, and a stranger must not end it.
    /// </summary>
    public Task ReportDisagreementAsync(RefusalException refusal, string remote) =>
        refusal.Sender == Number && !_own.Current.IsFinal ? ReportRefusalAsync(refusal, remote) : Task.CompletedTask;

    /// <summary>Stops dialling and closes the connection. The handler hears nothing more once this has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        Task chain;
        bool saidGoodbye;
        await _stopping.CancelAsync();
        lock (_gate)
        {
            _stopped = true;
            // Best effort: it says to the other side's operator that nothing broke.
            saidGoodbye = _active?.Send(FrameType.Goodbye, null) == true;
            chain = _chain;
        }

        // The other side closes when it has read that. Closed here first, with a keep-alive unread, the connection would be reset, and a reset takes the goodbye from the other side.
        if (saidGoodbye)
            await Task.WhenAny(chain, Task.Delay(GoodbyeTime));
        lock (_gate)
            _latest?.Close(Stopping);
        await _dialling;
        await chain;
        _stopping.Dispose();
    }

    private async Task UseAsync(Connection connection, NodeIdentity other)
    {
        using (connection)
        {
            // Replaced, or stopped, while it waited for its turn: nobody has to hear of it.
            if (connection.ClosedBecause is not null)
                return;
            _lastRefusal = null;
            var remote = _address.ToString();
            TransportLog.Connected(_logger, other.Name, remote);
            _active = connection;
            _handler.OnConnected(Number);
            var reason = await ReceiveUntilLostAsync(connection);
            _active = null;
            connection.Close(reason);
            if (_stopping.IsCancellationRequested)
                TransportLog.Stopped(_logger, other.Name, remote);
            else if (reason == SaidGoodbye)
                TransportLog.PeerStopped(_logger, other.Name, remote);
            else
                TransportLog.Disconnected(_logger, other.Name, remote, connection.ClosedBecause!);
            _handler.OnDisconnected(Number);
        }
    }

    /// <summary>
    /// Two nodes agree, but one of them is provisional: the connection stands, and nothing passes, until that one is final or gone. The provisional side ends it; the handshake of the next one says more.
    /// </summary>
    private async Task HoldAsync(Connection connection, Meeting meeting)
    {
        using (connection)
        {
            if (connection.ClosedBecause is not null)
                return;
            _lastRefusal = null;
            TransportLog.Agrees(_logger, meeting.Other.Name, _address.ToString());
            _held = connection;
            var lost = ReceiveUntilLostAsync(connection, FrameType.KeepAlive);
            try
            {
                if (!meeting.Self.IsFinal && !_own.Agree(Number, meeting.Self.Cluster))
                    await Task.WhenAny(lost, _own.BecameFinal);
                else if (meeting.Self.IsFinal)
                    await lost;
            }
            catch (DiskFullException e)
            {
                TransportLog.Unreachable(_logger, Number, connection.RemoteEnd, e.Message);
            }

            connection.Close("both sides are to introduce themselves again");
            await lost;
            _own.Part(Number);
            _held = null;
        }
    }

    private async Task<string> ReceiveUntilLostAsync(Connection connection, FrameType only = FrameType.Data)
    {
        try
        {
            while (true)
            {
                var (type, payload) = await connection.ReceiveAsync();
                switch (type)
                {
                    case FrameType.Data when only == FrameType.Data:
                        _handler.OnFrame(Number, payload ?? new());
                        break;
                    case FrameType.KeepAlive when payload is null:
                        break;
                    case FrameType.Goodbye when payload is null:
                        return SaidGoodbye;
                    default:
                        payload?.Dispose();
                        return $"it sent a frame of type {(byte)type}, which has no place here";
                }
            }
        }
        catch (Exception e) when (IsLoss(e))
        {
            return e.Message;
        }
    }

    private async Task DialForeverAsync()
    {
        var failures = 0;
        var (downSince, tellAfter) = (Environment.TickCount64, (long)_options.UnreachableAfter.TotalMilliseconds);
        while (!_stopping.IsCancellationRequested)
        {
            var began = Environment.TickCount64;
            var connected = await DialOnceAsync();
            // A connection that is lost again and again at once is a failure like others: only one that held for a while starts the count anew.
            if (connected && Environment.TickCount64 - began >= (long)_options.MaxBackoff.TotalMilliseconds)
                failures = 0;
            // What passes by itself is not worth a line; a wrong address, or a node that stays away, is what an operator looks for. Told again after twice as long.
            if (connected)
                (downSince, tellAfter) = (Environment.TickCount64, (long)_options.UnreachableAfter.TotalMilliseconds);
            else if (Environment.TickCount64 - downSince >= tellAfter && _lastProblem is { } problem)
            {
                TransportLog.LongUnreachable(_logger, Number, _address.ToString(), tellAfter, problem);
                tellAfter *= 2;
            }

            var pause = Backoff(failures++);
            if (pause > TimeSpan.Zero)
                await Task.Delay(pause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>No pause after the first failure, then <see cref="TransportOptions.MinBackoff"/> doubling up to <see cref="TransportOptions.MaxBackoff"/>, with jitter.</summary>
    private TimeSpan Backoff(int failures)
    {
        if (failures == 0)
            return TimeSpan.Zero;
        var pause = Math.Min(_options.MinBackoff.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 30)), _options.MaxBackoff.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(pause * (0.5 + (Random.Shared.NextDouble() / 2)));
    }

    /// <summary>Connects, and uses the connection until it is lost; true if it came to be used.</summary>
    private async Task<bool> DialOnceAsync()
    {
        var address = _address;
        var remote = address.ToString();
        _lastProblem = null;
        Connection? connection = null;
        try
        {
            connection = await ConnectAsync(address);
            var meeting = await DialHandshakeAsync(connection);
            await AdoptAsync(connection, meeting);
            return true;
        }
        catch (RefusalException e) when (e.ByOther)
        {
            connection!.Dispose();
            await ReportRefusalAsync(e, remote);
        }
        catch (RefusalException e)
        {
            connection!.Dispose();
            TransportLog.Refused(_logger, remote, e.Message);
            await ReportDisagreementAsync(e, remote);
        }
        catch (FrameException e)
        {
            connection!.Dispose();
            TransportLog.HandshakeFailed(_logger, remote, e.Message);
        }
        catch (Exception e) when (IsLoss(e) || e is OperationCanceledException or DiskFullException)
        {
            connection?.Dispose();
            if (!_stopping.IsCancellationRequested)
            {
                _lastProblem = e is OperationCanceledException ? "no answer in time" : e.Message;
                TransportLog.Unreachable(_logger, Number, remote, _lastProblem);
            }
        }

        return false;
    }

    private async Task<Connection> ConnectAsync(PeerAddress address)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(_options.ConnectTimeout);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, timeout.Token);
            return new Connection(socket, _options);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<Meeting> DialHandshakeAsync(Connection connection)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(_options.HandshakeTimeout);
        try
        {
            return await _handshake.DialAsync(connection, Number, timeout.Token);
        }
        catch (RefusalException e) when (!e.ByOther)
        {
            await connection.RefuseAsync(e, timeout.Token);
            throw;
        }
    }

    /// <summary>Whether an exception means that the connection is gone, or never was; a <see cref="FrameException"/> makes it so.</summary>
    private static bool IsLoss(Exception e) => e is SocketException or EndOfStreamException or ObjectDisposedException or FrameException;
}
