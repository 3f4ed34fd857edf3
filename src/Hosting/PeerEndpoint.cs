using System.Globalization;

namespace RaftKv.Hosting;

/// <summary>A host and a port, as people write them: name:7001, 10.0.0.1:7001, [::1]:7001.</summary>
internal readonly record struct PeerEndpoint(string Host, int Port)
{
    public static bool TryParse(string? text, out PeerEndpoint endpoint)
    {
        endpoint = default;
        var colon = text?.LastIndexOf(':') ?? -1;
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
            return false;
        var host = text![..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal))
            return false;
        if (host.Length == 0)
            return false;
        endpoint = new PeerEndpoint(host, port);
        return true;
    }
}
