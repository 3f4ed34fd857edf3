using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using RaftKv.Bench.Load;
using RaftKv.Engine.Buffers;

namespace RaftKv.Bench.Failover;

/// <summary>A few connections to one node that write without pause and note when each write was acknowledged; an error is followed by the next attempt at once.</summary>
public sealed class SteadyWriter : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<long> _acknowledged = new();
    private readonly List<Task> _clients;
    private long _last;

    /// <summary>Begins to write.</summary>
    public SteadyWriter(int port, int connections) =>
        _clients = [.. Enumerable.Range(0, connections).Select(i => Task.Run(() => WriteAsync(port, i)))];

    /// <summary>Timestamp of the last acknowledgement, 0 for none.</summary>
    public long LastAcknowledged => Volatile.Read(ref _last);

    /// <summary>Longest time between two acknowledgements that follow each other, in ms, where the later one came after <paramref name="since"/>.</summary>
    public double LongestGap(long since)
    {
        var times = _acknowledged.Order().ToArray();
        double longest = 0;
        for (var i = 1; i < times.Length; i++)
        {
            if (times[i] > since)
                longest = Math.Max(longest, Stopwatch.GetElapsedTime(times[i - 1], times[i]).TotalMilliseconds);
        }

        return longest;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_clients);
        _stopping.Dispose();
    }

    private async Task WriteAsync(int port, int number)
    {
        var encoder = new RequestEncoder(new LoadOptions { EndPoints = [], Size = 256, Keys = 10_000 }, number);
        using var requests = new PooledBuffer();
        var replies = new byte[4096];
        while (!_stopping.IsCancellationRequested)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync("127.0.0.1", port, _stopping.Token);
                var scanner = new ReplyScanner();
                while (true)
                {
                    requests.Clear();
                    encoder.Append(requests);
                    await socket.SendAsync(requests.Memory, SocketFlags.None, _stopping.Token);
                    var errors = scanner.Errors;
                    int count;
                    do
                        count = await socket.ReceiveAsync(replies, SocketFlags.None, _stopping.Token);
                    while (count > 0 && scanner.Feed(replies.AsSpan(0, count)) == 0);
                    if (count == 0)
                        break;
                    if (scanner.Errors == errors)
                    {
                        var now = Stopwatch.GetTimestamp();
                        _acknowledged.Enqueue(now);
                        Volatile.Write(ref _last, now);
                    }
                    else
                    {
                        // A refusal that comes back at once must not become a storm that starves the election.
                        await Task.Delay(1, _stopping.Token);
                    }
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(1, CancellationToken.None);
            }
        }
    }
}
