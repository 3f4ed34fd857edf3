using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using RaftKv.Server.Http;
using RaftKv.Server.Resp.Connections;

namespace RaftKv.Server.Listeners;

/// <summary>
/// The listeners of one process: RESP and HTTP on Kestrel, in one host. Stopping it closes the doors, lets every client have the answers to what it has sent, and ends.
/// </summary>
internal static partial class ServerHost
{
    /// <summary>How long clients may take to accept what is pending when the host stops.</summary>
    public static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(10);

    /// <summary>In Redis' words.</summary>
    private static readonly byte[] TooManyClients = "-ERR max number of clients reached\r\n"u8.ToArray();

    private static readonly byte[] Unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray();

    /// <summary>Builds the host; it listens once it is started.</summary>
    /// <param name="server">What RESP connections share; null for none.</param>
    /// <param name="node">What HTTP tells.</param>
    /// <param name="resp">Where to listen for RESP; null for nowhere.</param>
    /// <param name="http">Where to listen for HTTP; null for nowhere.</param>
    public static WebApplication Build(RespServer server, NodeView node, IPEndPoint? resp, IPEndPoint? http)
    {
        var builder = WebApplication.CreateSlimBuilder();
        // Configuration comes from the command line alone: a stray variable or appsettings.json of the working directory must not open another port.
        builder.Configuration.Sources.Clear();
        ConsoleLogging.Add(builder.Logging);
        builder.Services.AddSingleton(server);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = DrainTime);
        builder.Services.Configure<SocketTransportOptions>(Tune);
        builder.Services.AddHostedService<ConnectionWatch>();
        var budget = DescriptorBudget.OfProcess();
        if (budget.IsTight)
            LogTight(server.Context.Logger, budget.Limit, server.MaxClients, budget.MaxHttpConnections);
        var httpSlots = new ConnectionSlots("HTTP", budget.MaxHttpConnections, server.Context.Logger, TimeProvider.System);
        List<Door> doors = [];
        if (resp is not null)
            doors.Add(new Door(resp, server.Slots, TooManyClients));
        if (http is not null)
            doors.Add(new Door(http, httpSlots, Unavailable));
        // The last that is registered is asked first.
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => new CappedTransport(
            new SocketTransportFactory(services.GetRequiredService<IOptions<SocketTransportOptions>>(), services.GetRequiredService<ILoggerFactory>()), doors));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Nothing is ever uploaded.
            kestrel.Limits.MaxRequestBodySize = 64 << 10;
            if (resp is not null)
                kestrel.Listen(resp, listen => listen.UseConnectionHandler<RespConnectionHandler>());
            if (http is not null)
                kestrel.Listen(http, listen => listen.Use(next => connection => LeaveAfter(httpSlots, next, connection)));
        });
        var app = builder.Build();
        HttpApi.Map(app, node);
        return app;
    }

    private static async Task LeaveAfter(ConnectionSlots slots, ConnectionDelegate next, ConnectionContext connection)
    {
        try
        {
            await next(connection);
        }
        finally
        {
            slots.Leave();
        }
    }

    private static void Tune(SocketTransportOptions sockets)
    {
        // Connections never block, so that a hop to another thread for every read and every send would only cost: see docs/ARCHITECTURE.md, Decisions.
        sockets.UnsafePreferInlineScheduling = true;
        sockets.Backlog = 1024;
        // What a client sends while it is not read from is held here, beyond all other limits: little, for each of thousands.
        sockets.MaxReadBufferSize = 128 << 10;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "this process may have only {limit} files and connections open: {clients} RESP and {http} HTTP connections are taken at once; raise the limit (ulimit -n) for more")]
    private static partial void LogTight(ILogger logger, long limit, int clients, int http);

    /// <summary>Signals are the command's business: it also has nodes to stop.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
