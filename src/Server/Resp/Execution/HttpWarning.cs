using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Resp.Execution;

/// <summary>Says that an HTTP request came in where RESP is spoken, once a minute. Thread-safe.</summary>
internal sealed partial class HttpWarning(ILogger logger)
{
    private long _next;

    /// <summary>A client sent one.</summary>
    public void Tell(RespSession session)
    {
        var now = session.Server.Clock.GetUtcNow().Ticks;
        var next = Interlocked.Read(ref _next);
        if (now >= next && Interlocked.CompareExchange(ref _next, now + TimeSpan.TicksPerMinute, next) == next)
            LogHttp(logger, session.Id, session.RemoteAddress);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "client {id} at {address} sent an HTTP request to the RESP port and is disconnected: a browser may have been made to attack this node (cross-protocol scripting)")]
    private static partial void LogHttp(ILogger logger, long id, string address);
}
