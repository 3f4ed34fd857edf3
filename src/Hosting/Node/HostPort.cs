using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Hosting.Node;

/// <summary>What an address is for: that decides which are allowed.</summary>
internal enum AddressUse
{
    /// <summary>Others reach a node there: neither a wildcard nor port 0 leads anywhere.</summary>
    Advertise,

    /// <summary>A node listens there for its peers, who must know the port: wildcards, but no port 0.</summary>
    ListenForPeers,

    /// <summary>A node listens there for clients: wildcards, and port 0 for any free port.</summary>
    ListenForClients,

    /// <summary>A client is about to ask there; http:// in front and a slash behind are let pass.</summary>
    Ask,
}

/// <summary>
/// A host and a port as people write them: name:7001, 10.0.0.1:7001, [::1]:7001, and where a node listens 0.0.0.0:7001, [::]:7001 and *:7001. The only parser of addresses in flags, files and options.
/// Invariant: the host is an IP address, a name that can be asked for in DNS, or the wildcard *; whatever text is given, parsing never throws.
/// </summary>
internal readonly record struct HostPort(string Host, int Port)
{
    private const string Scheme = "http://";
    private const string Wildcard = "*";

    // RFC 1035, 2.3.4.
    private const int MaxNameLength = 253;
    private const int MaxLabelLength = 63;
    private const int MaxShown = 60;

    /// <summary>The IP address, if the host is one; the wildcard is the IPv6 one, which takes IPv4 as well, where the machine has IPv6.</summary>
    public IPAddress? Address =>
        Host == Wildcard ? (Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any) : IPAddress.TryParse(Host, out var address) ? address : null;

    /// <summary>Whether it stands for every address of a machine.</summary>
    public bool IsWildcard => Address is { } address && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.Any.MapToIPv6()));

    /// <summary>Reads an address; what is wrong with it is one clause that names what is allowed, for the end of a sentence.</summary>
    public static bool TryParse(string? text, AddressUse use, out HostPort address, out string problem)
    {
        address = default;
        text ??= "";
        var body = text;
        if (use == AddressUse.Ask)
        {
            if (body.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
                return Fail(out problem, $"{Show(text)} asks for TLS, which nodes do not speak; http://HOST:PORT or HOST:PORT is allowed");
            if (body.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
                body = body[Scheme.Length..];
            if (body.EndsWith('/'))
                body = body[..^1];
        }

        var colon = body.LastIndexOf(':');
        if (colon <= 0 || body.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
            return Fail(out problem, $"{Show(text)} is no address of the form HOST:PORT");
        var lowest = use == AddressUse.ListenForClients ? 0 : 1;
        if (!int.TryParse(body.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port < lowest || port > IPEndPoint.MaxPort)
            return Fail(out problem, $"{Show(text)} is no address of the form HOST:PORT with a port from {lowest} to {IPEndPoint.MaxPort}");

        var host = body[..colon];
        if (HostProblem(host) is { } wrong)
            return Fail(out problem, $"the host of {Show(text)} {wrong}");
        var parsed = new HostPort(host.StartsWith('[') ? host[1..^1] : host, port);
        if (parsed.IsWildcard && use is AddressUse.Advertise or AddressUse.Ask)
            return Fail(out problem, $"{Show(text)} is where a node may listen, not where it is reached; give a name or an address of its machine");
        (address, problem) = (parsed, "");
        return true;
    }

    /// <summary>The address to listen at: a name stands for its first address, so that what was asked for is bound and nothing else.</summary>
    /// <exception cref="SocketException">The name cannot be resolved.</exception>
    public async ValueTask<IPEndPoint> ResolveAsync(CancellationToken cancellationToken)
    {
        if (Address is { } address)
            return new IPEndPoint(address, Port);
        var addresses = await Dns.GetHostAddressesAsync(Host, cancellationToken);
        return addresses.Length > 0 ? new IPEndPoint(addresses[0], Port) : throw new SocketException((int)SocketError.HostNotFound);
    }

    /// <summary>Whether two texts mean the same place: names without regard to case, IP addresses however they are written.</summary>
    public bool IsSame(HostPort other) =>
        Port == other.Port && (Address is { } address ? address.Equals(other.Address) : string.Equals(Host, other.Host, StringComparison.OrdinalIgnoreCase));

    /// <summary>As people write it: an IPv6 address in brackets.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}");

    private static string? HostProblem(string host)
    {
        if (host == Wildcard)
            return null;
        if (host.StartsWith('[') || host.EndsWith(']'))
            return host.Length > 2 && host[0] == '[' && host[^1] == ']' && host[1..^1].All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '.' or '%' or '_' or '-')
                && IPAddress.TryParse(host.AsSpan(1, host.Length - 2), out var six) && six.AddressFamily == AddressFamily.InterNetworkV6
                ? null : "is no IPv6 address";
        if (host.Contains(':', StringComparison.Ordinal))
            return "is no name; an IPv6 address stands in brackets, as in [::1]:7001";
        // Whatever ends in a number would be read as an IPv4 address by one part of .NET or another, in hexadecimal too.
        if (host[(host.LastIndexOf('.') + 1)..] is { Length: > 0 } last && (last.All(char.IsAsciiDigit) || last.StartsWith("0x", StringComparison.OrdinalIgnoreCase)))
            return IsIPv4(host) ? null : "is no IPv4 address of four numbers from 0 to 255";
        if (host.Length > MaxNameLength)
            return $"has {host.Length} characters, at most {MaxNameLength} are allowed";
        if (!Ascii(host))
            return "has characters beyond A-Z a-z 0-9 - _ and dots; an internationalized name is written in its xn-- form";
        return host.Split('.').All(label => label.Length is >= 1 and <= MaxLabelLength && char.IsAsciiLetterOrDigit(label[0]) && label[^1] != '-')
            ? null : $"has a part between dots that is empty, longer than {MaxLabelLength} characters, or does not begin with a letter or digit";
    }

    private static bool Ascii(string host) => host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    /// <summary>Four decimal numbers: the shorter and octal forms that IPAddress reads mean other addresses than they look like.</summary>
    private static bool IsIPv4(string host)
    {
        var parts = host.Split('.');
        return parts.Length == 4 && parts.All(p => p.Length is >= 1 and <= 3 && p.All(char.IsAsciiDigit) && (p.Length == 1 || p[0] != '0') && int.Parse(p, CultureInfo.InvariantCulture) <= byte.MaxValue);
    }

    /// <summary>A text that may be anything, fit for one line.</summary>
    private static string Show(string text)
    {
        var shown = text.Length <= MaxShown ? text : $"{text[..MaxShown]}...";
        return $"'{string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' ? '?' : c))}'";
    }

    private static bool Fail(out string problem, string sentence)
    {
        problem = sentence;
        return false;
    }
}
