using System.Text;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Who a node is to its peers, and in which cluster.
/// Invariant: none of the numbers is 0; the name is 1 to <see cref="MaxNameBytes"/> bytes of UTF-8 without control characters, so that it can stand in a log line.
/// </summary>
public sealed record NodeIdentity
{
    /// <summary>Longest name, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 128;

    /// <summary>Most bytes of the list of nodes: 31 names of 64 bytes.</summary>
    public const int MaxMembersBytes = 31 * 65;

    /// <summary>Most groups.</summary>
    public const int MaxGroups = 1024;

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

    /// <summary>The cluster: a hash of its name, or of the list it was founded with.</summary>
    public ulong Cluster { get; init; }

    /// <summary>The node's number in the cluster; never reused for another node.</summary>
    public ulong Number { get; }

    /// <summary>The node's name, as operators know it.</summary>
    public string Name { get; }

    /// <summary>Random number made when the node's data directory was created: tells a node that came back from one that lost its disk.</summary>
    public ulong Incarnation { get; }

    /// <summary>The cluster's name; empty if it was given none.</summary>
    public string ClusterName
    {
        get;
        init => field = value.Length == 0 || IsName(value) ? value : throw new ArgumentException($"a cluster's name has 1 to {MaxNameBytes} bytes and no control characters", nameof(value));
    } = "";

    /// <summary>The names of all nodes in the order of their numbers, joined by commas: whom this node counts in majorities.</summary>
    public string Members
    {
        get;
        init => field = Encoding.UTF8.GetByteCount(value) <= MaxMembersBytes && !value.Any(char.IsControl)
            ? value : throw new ArgumentException($"the list of nodes has at most {MaxMembersBytes} bytes and no control characters", nameof(value));
    } = "";

    /// <summary>Number of data groups.</summary>
    public int Groups
    {
        get;
        init => field = value is >= 0 and <= MaxGroups ? value : throw new ArgumentException($"a cluster has at most {MaxGroups} groups", nameof(value));
    }

    /// <summary>
    /// Whether it is for good. Until then the node has promised nothing to anybody and nobody remembers it, so its next start may make it another node.
    /// </summary>
    public bool IsFinal { get; init; } = true;

    /// <summary>As messages name the node.</summary>
    public string Title => $"node {Number} ({Name})";

    /// <summary>Whether a name is fit to be a node's.</summary>
    public static bool IsName(string? name) =>
        !string.IsNullOrEmpty(name) && name.Length <= MaxNameBytes && Encoding.UTF8.GetByteCount(name) <= MaxNameBytes && !name.Any(char.IsControl);

    /// <summary>The names in which two lists of nodes differ, for a message.</summary>
    public static string Difference(string one, string other)
    {
        string[] first = one.Split(','), second = other.Split(',');
        return string.Join(", ", first.Except(second).Concat(second.Except(first)));
    }
}
