using System.Net;
using System.Net.Sockets;
using RaftKv.Hosting;

namespace RaftKv.Server.Cli;

/// <summary>Where to listen, as it was typed: HOST:PORT, or none.</summary>
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
        if (!PeerEndpoint.TryParse(text, out var endpoint))
            throw CommandLineException.Usage($"{option}: '{text}' is no address of the form HOST:PORT with a port from 1 to 65535 (or {None})");
        try
        {
            return new IPEndPoint(Dns.GetHostAddresses(endpoint.Host)[0], endpoint.Port);
        }
        catch (SocketException e)
        {
            throw CommandLineException.Usage($"{option}: the host of '{text}' cannot be resolved: {e.Message}");
        }
    }
}
