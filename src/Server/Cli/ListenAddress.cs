using System.Net;
using System.Net.Sockets;
using RaftKv.Hosting;

namespace RaftKv.Server.Cli;

/// <summary>Where to listen for clients, as it was typed: HOST:PORT, a wildcard, or none.</summary>
internal static class ListenAddress
{
    /// <summary>The word for not listening.</summary>
    public const string None = "none";

    /// <summary>The address behind a text; null for none. A name stands for its first address: what was asked for is bound, nothing else.</summary>
    /// <param name="option">The flag or field, named when the text is wrong.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="CommandLineException">It is no address.</exception>
    public static IPEndPoint? Parse(string option, string text)
    {
        if (text == None)
            return null;
        if (!HostPort.TryParse(text, AddressUse.ListenForClients, out var address, out var problem))
            throw CommandLineException.Usage($"{option}: {problem} (or {None})");
        try
        {
            return address.ResolveAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
        catch (SocketException e)
        {
            throw CommandLineException.Usage($"{option}: the host of '{address}' cannot be resolved: {e.Message}");
        }
    }

    /// <summary>Where somebody on this machine reaches what listens at an address.</summary>
    public static IPEndPoint Reachable(IPEndPoint listening) =>
        listening.Address.Equals(IPAddress.Any) || listening.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.Loopback, listening.Port) : listening;
}
