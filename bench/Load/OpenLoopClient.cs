using System.Diagnostics;
using System.Net.Sockets;
using RaftKv.Engine.Buffers;

namespace RaftKv.Bench.Load;

/// <summary>
/// One connection of an open loop. Requests are due at times that do not depend on the server, and latency is from when a request was due to its reply: a stall of the server
/// counts for every request that it held up, sent or not (no coordinated omission). The pacing thread sends, a task receives.
/// </summary>
public sealed class OpenLoopClient : IDisposable
{
    // Beyond this many unanswered requests on one connection, the next ones wait unsent, while their latency runs.
    private const int MaxUnanswered = 1 << 14;
    private readonly RequestEncoder _encoder;
    private readonly Socket _socket;
    private readonly PooledBuffer _unsent = new();
    private readonly long[] _due = new long[MaxUnanswered];
    private readonly Queue<long> _waiting = new();
    private int _sentFrom;
    private long _added;
    private long _answered;

    private OpenLoopClient(LoadOptions options, int number, Socket socket) => (_encoder, _socket) = (new RequestEncoder(options, number), socket);

    /// <summary>Latencies of requests that were due within the measured time.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Requests that were due and have no answer yet.</summary>
    public long Unanswered => Volatile.Read(ref _added) - Volatile.Read(ref _answered) + _waiting.Count;

    /// <summary>Timestamp of the last answer to a request that was due within the measured time, 0 for none.</summary>
    public long LastAnswer { get; private set; }

    /// <summary>Errors replied.</summary>
    public long Errors { get; private set; }

    /// <summary>The first of them, or why the connection was lost.</summary>
    public string? FirstError { get; private set; }

    /// <summary>Connects client number <paramref name="number"/>.</summary>
    public static async Task<OpenLoopClient> ConnectAsync(LoadOptions options, int number, CancellationToken cancellation)
    {
        var endPoint = options.EndPoints[number % options.EndPoints.Count];
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint.Host, endPoint.Port, cancellation);
            socket.Blocking = false;
            return new OpenLoopClient(options, number, socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A request is due at this timestamp: sends it, and whatever waited, as far as the connection takes it. Pacing thread only.</summary>
    public void Due(long timestamp)
    {
        _waiting.Enqueue(timestamp);
        Flush();
    }

    /// <summary>Sends what waits, as far as the connection takes it. Pacing thread only.</summary>
    public void Flush()
    {
        while (_waiting.Count > 0 && _added - Volatile.Read(ref _answered) < MaxUnanswered)
        {
            _encoder.Append(_unsent);
            _due[_added % MaxUnanswered] = _waiting.Dequeue();
            // The receiving task may look for it as soon as it is sent.
            Volatile.Write(ref _added, _added + 1);
        }

        if (_sentFrom == _unsent.Length)
            return;
        try
        {
            var sent = _socket.Send(_unsent.Span[_sentFrom..], SocketFlags.None, out var error);
            _sentFrom += error == SocketError.Success ? sent : 0;
        }
        catch (ObjectDisposedException)
        {
            _sentFrom = _unsent.Length;
        }

        if (_sentFrom < _unsent.Length)
            return;
        _unsent.Clear();
        _sentFrom = 0;
    }

    /// <summary>Receives until the connection ends; counts requests that were due from <paramref name="from"/> to <paramref name="until"/>.</summary>
    public async Task ReceiveAsync(long from, long until)
    {
        var scanner = new ReplyScanner();
        var replies = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = await _socket.ReceiveAsync(replies, SocketFlags.None)) > 0)
            {
                var errorsBefore = scanner.Errors;
                var complete = scanner.Feed(replies.AsSpan(0, count));
                var now = Stopwatch.GetTimestamp();
                // Of replies that came together it is not known which were errors; the last ones are left out in their place.
                var good = complete - (scanner.Errors - errorsBefore);
                for (var i = 0; i < complete; i++)
                {
                    var due = _due[_answered % MaxUnanswered];
                    if (due >= from && due <= until && i < good)
                    {
                        Latencies.Record((long)Stopwatch.GetElapsedTime(due, now).TotalNanoseconds);
                        LastAnswer = now;
                    }

                    Volatile.Write(ref _answered, _answered + 1);
                }
            }

            FirstError ??= "the server closed the connection";
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidDataException)
        {
            FirstError ??= scanner.FirstError ?? e.Message;
        }

        Errors += scanner.Errors;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
