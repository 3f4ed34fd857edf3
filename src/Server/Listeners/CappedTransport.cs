using System.Net;
using Microsoft.AspNetCore.Connections;
using RaftKv.Server.Resp.Connections;

namespace RaftKv.Server.Listeners;

/// <summary>A place where connections come in, how many may be open, and what the others are told.</summary>
internal sealed record Door(EndPoint EndPoint, ConnectionSlots Slots, byte[] Refusal);

/// <summary>
/// Kestrel's sockets with a cap on open connections for each door. Connections beyond it are refused one by one before another is accepted: refused side by side, a flood of them would hold as many
/// descriptors as it likes. Whoever serves a connection gives its slot back.
/// </summary>
internal sealed class CappedTransport(IConnectionListenerFactory sockets, IReadOnlyList<Door> doors) : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = await sockets.BindAsync(endpoint, cancellationToken);
        return doors.FirstOrDefault(d => ReferenceEquals(d.EndPoint, endpoint)) is { } door ? new Listener(listener, door) : listener;
    }

    private sealed class Listener(IConnectionListener listener, Door door) : IConnectionListener
    {
        public EndPoint EndPoint => listener.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                var connection = await listener.AcceptAsync(cancellationToken);
                if (connection is null || door.Slots.TryEnter())
                    return connection;
                await RefuseAsync(connection);
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => listener.DisposeAsync();

        private async Task RefuseAsync(ConnectionContext connection)
        {
            await using (connection)
            {
                try
                {
                    // A few bytes: the kernel takes them at once, whether the client reads or not.
                    await connection.Transport.Output.WriteAsync(door.Refusal);
                }
                catch (Exception e) when (e is IOException or ConnectionAbortedException or InvalidOperationException)
                {
                    // Gone already.
                }
            }
        }
    }
}
