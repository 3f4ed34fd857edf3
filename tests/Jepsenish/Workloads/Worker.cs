using RaftKv.Tests.Jepsenish.Nemesis;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>
/// One client: does one operation after the other on one node, reconnects when it must. What it does is up to the workload.
/// </summary>
internal sealed class Worker(int port, long firstProcess, long stride) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private RespClient? _client;

    /// <summary>The logical process that this client is now: a new one after each operation of unknown outcome.</summary>
    public long Process { get; private set; } = firstProcess;

    /// <summary>Becomes a new process.</summary>
    public void BecomeAnother() => Process += stride;

    /// <summary>Runs operations until cancelled. One that throws has recorded its outcome; its connection is given up.</summary>
    public async Task RunAsync(Func<Worker, RespClient, Task> operation, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            _client ??= await RespClient.TryConnectAsync(port, Patience);
            if (_client is null)
            {
                // Nothing was asked of a node that is down, so there is nothing to record.
                await RealTime.Pass(TimeSpan.FromMilliseconds(20), cancellation);
                continue;
            }
            try
            {
                await operation(this, _client);
            }
            catch (ConnectionLostException)
            {
                Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _client?.Dispose();
        _client = null;
    }

    /// <summary>Asks; null means that the connection broke or no reply came in time.</summary>
    public static async Task<RespReply?> TryAsync(RespClient client, params string[] words)
    {
        try
        {
            return await client.AskAsync(words);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return null;
        }
    }
}

/// <summary>The operation has recorded its outcome; the connection cannot be used any more.</summary>
internal sealed class ConnectionLostException() : Exception("the connection is lost");
