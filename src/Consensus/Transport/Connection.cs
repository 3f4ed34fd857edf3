using System.Net;
using System.Net.Sockets;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// One TCP connection: frames out through a <see cref="SendQueue"/>, frames in through a <see cref="FrameReader"/>. Receives are for one caller at a time; all else is thread-safe.
/// </summary>
internal sealed class Connection : IDisposable
{
    private const int SmallBuffer = 2048;
    private const int LargeBuffer = 64 * 1024;
    private const int MaxIgnoredBytes = 64 * 1024;

    private readonly Socket _socket;
    private readonly SendQueue _queue;
    private readonly FrameReader _reader = new(SmallBuffer, Introduction.MaxBytes);
    private readonly TransportOptions _options;
    private string? _closedBecause;
    private readonly SilenceDetector _silence;
    private long _receivedBytes;
    private long _keepAlives;

    /// <summary>Takes over a connected socket.</summary>
    public Connection(Socket socket, TransportOptions options)
    {
        socket.NoDelay = true;
        socket.Blocking = false;
        _socket = socket;
        _options = options;
        _silence = new SilenceDetector(options);
        RemoteEnd = Readable(socket.RemoteEndPoint);
        _queue = new SendQueue(socket, options.MaxQueuedBytes, options.MaxQueuedFrames, Close);
    }

    /// <summary>The other end's address, for the log.</summary>
    public string RemoteEnd { get; }

    /// <summary>Why it was closed; null while it stands.</summary>
    public string? ClosedBecause => Volatile.Read(ref _closedBecause);

    /// <summary>Sends a frame; owns the payload. False if it was dropped.</summary>
    public bool Send(FrameType type, PooledBuffer? payload) => _queue.TryAdd(type, payload);

    /// <summary>Bytes of frames that may still be queued.</summary>
    public long FreeBytes => _queue.FreeBytes;

    /// <summary>The handshake is complete: frames may be large from now on.</summary>
    public void Widen() => _reader.Widen(LargeBuffer, _options.MaxFrameBytes);

    /// <summary>Receives one frame; the payload is the caller's.</summary>
    /// <exception cref="FrameException">The bytes are no frame.</exception>
    /// <exception cref="SocketException">The connection failed.</exception>
    /// <exception cref="EndOfStreamException">The other side closed it.</exception>
    /// <exception cref="ObjectDisposedException">This side closed it.</exception>
    public async ValueTask<(FrameType Type, PooledBuffer? Payload)> ReceiveAsync(CancellationToken cancellation = default)
    {
        FrameType type;
        PooledBuffer? payload;
        while (!_reader.TryRead(out type, out payload))
        {
            var count = await _socket.ReceiveAsync(_reader.Free, SocketFlags.None, cancellation);
            if (count == 0)
                throw new EndOfStreamException("the other side closed it");
            _reader.Received(count);
            Interlocked.Add(ref _receivedBytes, count);
        }

        if (type == FrameType.KeepAlive)
            Interlocked.Increment(ref _keepAlives);
        return (type, payload);
    }

    /// <summary>
    /// Called at regular intervals, of at most half the keep-alives': sends a keep-alive when one is due, and closes the connection when the other side is silent for longer than it should be.
    /// </summary>
    /// <param name="elapsedMilliseconds">Since the last call, of which only time in which this process was seen running counts.</param>
    public void CheckLiveness(long elapsedMilliseconds)
    {
        if (_silence.IsKeepAliveDue(elapsedMilliseconds))
            Send(FrameType.KeepAlive, null);
        if (_silence.Look(elapsedMilliseconds, Interlocked.Read(ref _receivedBytes), Interlocked.Read(ref _keepAlives)) is { } silence && !HasUnread())
            Close(silence);
    }

    /// <summary>Closes it, for the first reason given; a receive under way ends. Any number of times.</summary>
    public void Close(string reason)
    {
        if (Interlocked.CompareExchange(ref _closedBecause, reason, null) is not null)
            return;
        _socket.Dispose();
        _queue.Close();
    }

    /// <summary>
    /// Sends a refusal and closes. What the other side still sends is read and dropped until it closes too: closing with unread bytes resets the connection,
    /// and a reset takes from the other side what it has not read yet.
    /// </summary>
    public async Task RefuseAsync(RefusalException refusal, CancellationToken cancellation)
    {
        var payload = new PooledBuffer(256);
        refusal.Write(payload);
        Send(FrameType.Refused, payload);
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
            var ignored = new byte[SmallBuffer];
            for (var left = MaxIgnoredBytes; left > 0;)
            {
                var count = await _socket.ReceiveAsync(ignored, SocketFlags.None, cancellation);
                if (count == 0)
                    break;
                left -= count;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The other side is gone, or takes too long: it had its chance to read the reason.
        }

        Close(refusal.Message);
    }

    /// <summary>An address as people write it: a dual-mode socket calls 127.0.0.1 [::ffff:127.0.0.1].</summary>
    internal static string Readable(EndPoint? end) => end switch
    {
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port).ToString(),
        null => "unknown",
        _ => end.ToString()!,
    };

    /// <summary>Gives the receiver's memory back; to be called when no receive is under way and none will follow.</summary>
    public void Dispose()
    {
        Close("disposed");
        _reader.Dispose();
    }

    private bool HasUnread()
    {
        try
        {
            return _socket.Available > 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The receive loop is about to find out by itself.
            return true;
        }
    }
}
