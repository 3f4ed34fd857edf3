using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Resp.Connections;

/// <summary>
/// Looks at all connections once a second: a command that has been arriving for longer than its length explains is never going to be whole, and what there is of it is held for nothing.
/// </summary>
internal sealed partial class ConnectionWatch(RespServer server) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>One look.</summary>
    public void Look()
    {
        var now = server.Context.Clock.GetTimestamp();
        foreach (var client in server.Clients)
        {
            if (client.CommandBegan is not { } began || client.IsEvicted)
                continue;
            var allowed = server.Context.Limits.CommandTimeout + TimeSpan.FromSeconds(client.Held / (double)server.Context.Limits.SlowestBytesPerSecond);
            if (server.Context.Clock.GetElapsedTime(began, now) <= allowed)
                continue;
            LogTrickle(server.Context.Logger, client.Session.Id, client.Session.RemoteAddress, (long)server.Context.Clock.GetElapsedTime(began, now).TotalSeconds, server.Context.Limits.SlowestBytesPerSecond);
            client.Disconnect();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                Look();
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "client {id} at {address} is disconnected: its command has been arriving for {seconds} s, at less than {slowest} bytes a second")]
    private static partial void LogTrickle(ILogger logger, long id, string address, long seconds, int slowest);
}
