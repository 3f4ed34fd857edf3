using System.Text;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Who a node is to its peers.
/// Invariant: none of the numbers is 0; the name is 1 to <see cref="MaxNameBytes"/> bytes of UTF-8 without control characters, so that it can stand in a log line.
/// </summary>
public sealed record NodeIdentity
{
    /// <summary>Longest name, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 128;

    /// <summary>Creates an identity.</summary>
    /// <exception cref="ArgumentException">The invariant does not hold.</exception>
    public NodeIdentity(ulong cluster, ulong number, string name, ulong incarnation)
    {
        ArgumentOutOfRangeException.ThrowIfZero(cluster);
        ArgumentOutOfRangeException.ThrowIfZero(number);
        ArgumentOutOfRangeException.ThrowIfZero(incarnation);
        if (!IsName(name))
            throw new ArgumentException($"a node's name has 1 to {MaxNameBytes} bytes and no control characters", nameof(name));
        (Cluster, Number, Name, Incarnation) = (cluster, number, name, incarnation);
    }

    /// <summary>The cluster's random number.</summary>
    public ulong Cluster { get; }

    /// <summary>The node's number in the cluster; never reused for another node.</summary>
    public ulong Number { get; }

    /// <summary>The node's name, as operators know it.</summary>
    public string Name { get; }

    /// <summary>Random number made when the node's data directory was created: tells a node that came back from one that lost its disk.</summary>
    public ulong Incarnation { get; }

    /// <summary>Whether a name is fit to be a node's.</summary>
    public static bool IsName(string? name) =>
        !string.IsNullOrEmpty(name) && name.Length <= MaxNameBytes && Encoding.UTF8.GetByteCount(name) <= MaxNameBytes && !name.Any(char.IsControl);
}
