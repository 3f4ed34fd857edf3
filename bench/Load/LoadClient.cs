using System.Diagnostics;
using System.Net.Sockets;
using RaftKv.Engine.Buffers;

namespace RaftKv.Bench.Load;

/// <summary>
/// One connection of a closed loop: sends a batch, waits for its replies, sends the next. Latency is from the send to the reply. What a slow server keeps a client from
/// sending is not measured here: that is what the open loop is for.
/// </summary>
public sealed class LoadClient(LoadOptions options, int number) : IDisposable
{
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(50);
    private readonly RequestEncoder _encoder = new(options, number);
    private readonly PooledBuffer _requests = new();
    private readonly byte[] _replies = new byte[64 * 1024];
    private ReplyScanner _scanner = new();
    private Socket? _socket;

    /// <summary>Latencies of what was answered within the measured time.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Errors replied, and connections lost.</summary>
    public long Errors { get; private set; }

    /// <summary>The first of them.</summary>
    public string? FirstError { get; private set; }

    /// <summary>Connects to this client's endpoint.</summary>
    public async Task ConnectAsync(CancellationToken cancellation)
    {
        var endPoint = options.EndPoints[number % options.EndPoints.Count];
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint.Host, endPoint.Port, cancellation);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        _socket?.Dispose();
        _socket = socket;
        _scanner = new ReplyScanner();
    }

    /// <summary>Writes every <paramref name="step"/>th key from this client's number on, so that reads find something.</summary>
    public async Task PreloadAsync(int step, CancellationToken cancellation)
    {
        const int Batch = 100;
        for (var key = number; key < options.Keys;)
        {
            _requests.Clear();
            var replies = 0;
            for (var i = 0; i < Batch && key < options.Keys; i++, key += step)
                replies += _encoder.AppendSet(_requests, key);
            await ExchangeAsync(replies, (_, _) => { }, cancellation);
        }

        if (_scanner.Errors > 0)
            throw new InvalidOperationException($"loading the keys failed: {_scanner.FirstError}");
    }

    /// <summary>Sends and waits until cancelled; counts what is answered from <paramref name="from"/> to <paramref name="until"/> (timestamps).</summary>
    public async Task RunAsync(long from, long until, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested && Stopwatch.GetTimestamp() < until)
        {
            try
            {
                await ExchangeBatchAsync(from, until, cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException or InvalidDataException)
            {
                Fail(e.Message);
                await ReconnectAsync(cancellation);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket?.Dispose();
        _requests.Dispose();
    }

    private async Task ExchangeBatchAsync(long from, long until, CancellationToken cancellation)
    {
        _requests.Clear();
        var replies = 0;
        for (var i = 0; i < options.Pipeline; i++)
            replies += _encoder.Append(_requests);
        var repliesPerRequest = replies / options.Pipeline;
        var (answered, failed, failedBefore) = (0, 0L, _scanner.Errors);
        var began = Stopwatch.GetTimestamp();
        await ExchangeAsync(
            replies,
            (count, now) =>
            {
                var requests = ((answered + count) / repliesPerRequest) - (answered / repliesPerRequest);
                answered += count;
                var newlyFailed = _scanner.Errors - failedBefore - failed;
                failed += newlyFailed;
                if (now >= from && now <= until && requests > newlyFailed)
                    Latencies.Record((long)Stopwatch.GetElapsedTime(began, now).TotalNanoseconds, requests - newlyFailed);
            },
            cancellation);
        Errors += failed;
        FirstError ??= _scanner.FirstError;
    }

    private async Task ExchangeAsync(int replies, Action<int, long> onReplies, CancellationToken cancellation)
    {
        for (var sent = 0; sent < _requests.Length;)
            sent += await _socket!.SendAsync(_requests.Memory[sent..], SocketFlags.None, cancellation);
        while (replies > 0)
        {
            var count = await _socket!.ReceiveAsync(_replies, SocketFlags.None, cancellation);
            if (count == 0)
                throw new EndOfStreamException("the server closed the connection");
            var complete = _scanner.Feed(_replies.AsSpan(0, count));
            replies -= complete;
            onReplies(complete, Stopwatch.GetTimestamp());
        }
    }

    private async Task ReconnectAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(PauseAfterFailure, cancellation);
                await ConnectAsync(cancellation);
                return;
            }
            catch (SocketException e)
            {
                Fail(e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Fail(string reason)
    {
        Errors++;
        FirstError ??= reason;
    }
}
