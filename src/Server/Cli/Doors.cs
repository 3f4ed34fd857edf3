using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace RaftKv.Server.Cli;

/// <summary>Where a host takes its clients' connections: what was asked for, with the port that was found where any free one was.</summary>
/// <param name="Resp">For RESP; null for nowhere.</param>
/// <param name="Http">For HTTP; null for nowhere.</param>
internal sealed record Doors(IPEndPoint? Resp, IPEndPoint? Http)
{
    /// <summary>Those of a host that was started.</summary>
    public static Doors Of(WebApplication app, IPEndPoint? resp, IPEndPoint? http)
    {
        // In the order in which they were asked for: RESP, then HTTP.
        var ports = new Queue<int>(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(a => new Uri(a).Port));
        var (respBound, httpBound) = (Bound(resp), Bound(http));
        return new Doors(respBound, httpBound);

        IPEndPoint? Bound(IPEndPoint? asked) => asked is null ? null : new IPEndPoint(asked.Address, ports.Dequeue());
    }
}
