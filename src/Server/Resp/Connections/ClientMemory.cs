using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Resp.Connections;

/// <summary>
/// Bytes that connections hold, all together: what has arrived of commands, commands and results under way, replies that were not taken, queues of MULTI. When they are more than allowed the connection
/// that holds most is disconnected, as Redis does by maxmemory-clients, until they are not. Thread-safe.
/// </summary>
/// <remarks>Invariant: a connection that holds less than <see cref="Step"/> costs nothing here and is never chosen.</remarks>
internal sealed partial class ClientMemory(long limit, Func<ICollection<ConnectedClient>> clients, ILogger logger)
{
    /// <summary>Connections tell of changes of this size, so that small requests touch nothing that is shared.</summary>
    public const long Step = 64 << 10;

    private long _used;
    private int _relieving;

    /// <summary>What all connections together may hold.</summary>
    public long Limit => limit;

    /// <summary>What they hold, as far as they told.</summary>
    public long Used => Interlocked.Read(ref _used);

    /// <summary>An eighth of the memory that the process may use, at least 256 MiB and at most 1 GiB: the rest is the store's, the log's and the machine's.</summary>
    public static long DefaultLimit => Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8, 256L << 20, 1L << 30);

    /// <summary>A connection holds another amount than before.</summary>
    public void Charge(ConnectedClient client, long held)
    {
        var used = Interlocked.Add(ref _used, held - client.Held);
        var grows = held > client.Held;
        client.Held = held;
        if (used > limit && grows)
            Relieve();
    }

    /// <summary>Disconnects those that hold most until what the others hold is allowed. Their memory comes free when what they have under way has ended.</summary>
    private void Relieve()
    {
        // A connection that is disconnected tells of it here, on this very thread.
        if (Interlocked.Exchange(ref _relieving, 1) != 0)
            return;
        try
        {
            while (Used - Leaving() > limit && clients().Where(c => !c.IsEvicted && c.Held > 0).MaxBy(c => c.Held) is { } largest)
            {
                LogEvicted(largest.Session.Id, largest.Session.RemoteAddress, largest.Held, limit);
                largest.Disconnect();
            }
        }
        finally
        {
            Volatile.Write(ref _relieving, 0);
        }
    }

    private long Leaving() => clients().Where(c => c.IsEvicted).Sum(c => c.Held);

    [LoggerMessage(Level = LogLevel.Warning, Message = "client {id} at {address} is disconnected: it holds {bytes} bytes, and all clients together may hold {limit}")]
    private partial void LogEvicted(long id, string address, long bytes, long limit);
}
