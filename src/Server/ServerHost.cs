using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using RaftKv.Server.Http;
using RaftKv.Server.Resp;

namespace RaftKv.Server;

/// <summary>
/// The listeners of one process: RESP and HTTP on Kestrel, in one host. Stopping it closes the doors, lets every client have the answers to what it has sent, and ends.
/// </summary>
internal static class ServerHost
{
    /// <summary>How long clients may take to accept what is pending when the host stops.</summary>
    public static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(10);

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
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (resp is not null)
                kestrel.Listen(resp, listen => listen.UseConnectionHandler<RespConnectionHandler>());
            if (http is not null)
                kestrel.Listen(http);
        });
        var app = builder.Build();
        HttpApi.Map(app, node);
        return app;
    }

    private static void Tune(SocketTransportOptions sockets)
    {
        // Connections never block, so that a hop to another thread for every read and every send would only cost: see docs/ARCHITECTURE.md, Decisions.
        sockets.UnsafePreferInlineScheduling = true;
        sockets.Backlog = 1024;
    }

    /// <summary>Signals are the command's business: it also has nodes to stop.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
