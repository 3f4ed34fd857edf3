using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace RaftKv.Server.Resp.Connections;

/// <summary>Kestrel's door: one call per accepted connection, which lasts as long as the connection does.</summary>
internal sealed class RespConnectionHandler(RespServer server) : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        try
        {
            await ServeAsync(connection);
        }
        finally
        {
            server.Slots.Leave();
        }
    }

    private async Task ServeAsync(ConnectionContext connection)
    {
        var client = server.Open($"{connection.RemoteEndPoint}", $"{connection.LocalEndPoint}");
        using var resp = new RespConnection(server, connection.Transport, server.PumpOf(client), client);
        try
        {
            // A host that stops asks; a connection that broke tells by its reads and writes.
            var stop = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
            await using var registration = stop.UnsafeRegister(static state => ((RespConnection)state!).Stop(), resp);
            resp.Start();
            await resp.Closed;
            // Else the transport would go on offering what waits to a client that does not take it.
            if (resp.IsBroken)
                connection.Abort();
        }
        finally
        {
            server.Close(client);
        }
    }
}
