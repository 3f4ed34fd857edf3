namespace RaftKv.Consensus.Transport;

/// <summary>A peer and where it listens.</summary>
/// <param name="Number">Its number; not this node's.</param>
/// <param name="Host">Host name or IP address; resolved at each attempt to connect.</param>
/// <param name="Port">TCP port.</param>
public sealed record PeerAddress(ulong Number, string Host, int Port)
{
    /// <summary>As people write it.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
