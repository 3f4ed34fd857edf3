using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Resp.Connections;

/// <summary>How many connections of a kind may be open at once; more are refused. Thread-safe.</summary>
internal sealed partial class ConnectionSlots(string kind, int limit, ILogger logger, TimeProvider clock)
{
    private static readonly TimeSpan TellAgainAfter = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private int _taken;
    private long _refused;
    private DateTimeOffset _nextTelling;

    /// <summary>Most that may be open.</summary>
    public int Limit => limit;

    /// <summary>Open now.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Refused so far.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Takes a slot; false when all are taken. Then the connection is to be refused.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _taken) <= limit)
            return true;
        Interlocked.Decrement(ref _taken);
        var refused = Interlocked.Increment(ref _refused);
        lock (_gate)
        {
            var now = clock.GetUtcNow();
            if (now < _nextTelling)
                return false;
            _nextTelling = now + TellAgainAfter;
        }

        LogRefused(kind, limit, refused);
        return false;
    }

    /// <summary>Gives a slot back.</summary>
    public void Leave() => Interlocked.Decrement(ref _taken);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a {kind} connection is refused: {limit} are open, which is the limit; {refused} were refused so far")]
    private partial void LogRefused(string kind, int limit, long refused);
}
