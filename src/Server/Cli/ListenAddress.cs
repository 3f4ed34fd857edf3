using System.Net;
using System.Net.Sockets;
using RaftKv.Hosting;
using RaftKv.Hosting.Node;

namespace RaftKv.Server.Cli;

/// <summary>Addresses of clients and for clients, as they were typed: where to listen (HOST:PORT, a wildcard, or none), and whom to ask.</summary>
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

    /// <summary>The HTTP address of a node that a command is to ask, as HOST:PORT.</summary>
    /// <exception cref="CommandLineException">It is no address.</exception>
    public static string ParseEndpoint(string text)
    {
        if (!HostPort.TryParse(text, AddressUse.Ask, out var address, out var problem))
            throw CommandLineException.Usage($"--endpoint: {problem}");
        return Uri.TryCreate($"http://{address}/", UriKind.Absolute, out _) ? address.ToString() : throw CommandLineException.Usage($"--endpoint: '{address}' is no address that HTTP can ask");
    }

    /// <summary>Where somebody on this machine reaches what listens at an address.</summary>
    public static IPEndPoint Reachable(IPEndPoint listening) =>
        listening.Address.Equals(IPAddress.Any) || listening.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.Loopback, listening.Port) : listening;
}
