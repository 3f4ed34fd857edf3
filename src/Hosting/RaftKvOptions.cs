using RaftKv.Consensus.Transport;
using RaftKv.Hosting.Node;
using RaftKv.Hosting.Requests;

namespace RaftKv.Hosting;

/// <summary>One node of a cluster: its name and the host:port on which its peers reach it.</summary>
/// <param name="Name">1 to 64 characters of [A-Za-z0-9_.-].</param>
/// <param name="Address">host:port as others reach it: a name, an IPv4 address or an IPv6 address in brackets, no wildcard; port 1 to 65535.</param>
public sealed record RaftKvMember(string Name, string Address);

/// <summary>What a node needs to know to start. Every value is checked by <see cref="Validate"/>, which names the field and the limit.</summary>
public sealed class RaftKvOptions
{
    /// <summary>This node's name; one of <see cref="Members"/>.</summary>
    public string NodeName { get; set; } = "";

    /// <summary>Where this node keeps its data; created if missing. Never shared between nodes.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>
    /// All nodes, this one included; the same names, in any order, on every node. 1, 3, 5 or 7 make sense. The names are fixed when the cluster is founded, which is when a majority of its nodes first meets;
    /// until then all nodes need the same addresses too, or the same <see cref="ClusterName"/>. Later the addresses are an address book: they may change from start to start, and node by node.
    /// </summary>
    public IList<RaftKvMember> Members { get; set; } = [];

    /// <summary>
    /// A name that tells this cluster from others, 1 to 64 characters of [A-Za-z0-9_.-], the same on every node, fixed when the cluster is founded; null for none: then the addresses that it was founded with do.
    /// Two clusters with different names never mix, whatever addresses their nodes are given.
    /// </summary>
    public string? ClusterName { get; set; }

    /// <summary>
    /// host:port on which this node takes its peers' connections; null for its own address in <see cref="Members"/>. Another one is for a node that its peers reach through something that
    /// forwards (a container's published port, a proxy), or that listens on all addresses of its machine: 0.0.0.0:7001, or [::]:7001 and *:7001 for IPv4 and IPv6. It may differ from node to node.
    /// </summary>
    public string? ListenAddress { get; set; }

    /// <summary>
    /// Raft groups beside the meta group, 1 to 1024, fixed when the cluster is founded; 0 for as many as it was founded with, 8 in a new one: enough to spread leaders over a few nodes, few enough to cost
    /// nothing. Another number than the cluster was founded with is refused.
    /// </summary>
    public int Groups { get; set; }

    /// <summary>Threads that own groups, 1 to 64, fixed when the data directory is created; 0 chooses one per two cores.</summary>
    public int Shards { get; set; }

    /// <summary>Longest key, 1 B to 64 KiB.</summary>
    public int MaxKeyBytes { get; set; } = 64 << 10;

    /// <summary>Longest value, 1 B to 16 MiB: a larger one would hold up everything behind it.</summary>
    public int MaxValueBytes { get; set; } = 16 << 20;

    /// <summary>Shortest time without a leader after which a node campaigns, 50 ms to 60 s. 300 ms: well above a pause of a few tens of ms on a busy machine.</summary>
    public TimeSpan ElectionTimeout { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Time between heartbeats, 1 ms to a third of the lease. 25 ms: an idle cluster exchanges 40 small frames a second per pair.</summary>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>How long a quorum promises to follow nobody else after hearing from a leader; a killed leader is replaced after about this time. At most half of the election timeout.</summary>
    public TimeSpan LeaderLeaseDuration { get; set; } = TimeSpan.FromMilliseconds(90);

    /// <summary>How long a request may take when its caller names no time.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Memory for the store's hot part, per shard, 128 MiB to 1 TiB.</summary>
    public long StoreMemoryBytes { get; set; } = 256L << 20;

    /// <summary>Size of a log segment, 1 MiB to 1 GiB.</summary>
    public long LogSegmentBytes { get; set; } = 64L << 20;

    /// <summary>Bytes applied after which a checkpoint is taken, at least 1 MiB: the bound on what a restart replays.</summary>
    public long CheckpointBytes { get; set; } = 256L << 20;

    /// <summary>Log bytes that each group keeps behind a checkpoint, so that a follower that was away for a moment needs no image. Not negative.</summary>
    public long RetainedLogBytes { get; set; } = 64L << 20;

    /// <summary>The same values, in an object of its own.</summary>
    internal RaftKvOptions Copy()
    {
        var copy = (RaftKvOptions)MemberwiseClone();
        copy.Members = [.. Members];
        return copy;
    }

    /// <summary>Throws when a value is out of range.</summary>
    /// <exception cref="ArgumentException">One sentence that names the field, the value and what is allowed.</exception>
    public void Validate()
    {
        Check(IsName(NodeName), nameof(NodeName), NodeName, "1 to 64 characters of A-Z a-z 0-9 _ . -");
        Check(!string.IsNullOrWhiteSpace(DataDirectory), nameof(DataDirectory), DataDirectory, "the path of a directory");
        // The system would be given another path than the one that is written here, or none.
        Check(StrictText.IsValid(DataDirectory) && !DataDirectory.Contains('\0', StringComparison.Ordinal), nameof(DataDirectory), DataDirectory.Replace('\0', '?'), "the path of a directory, in valid UTF-16 and without a NUL");
        Check(Members is not null, nameof(Members), null, "1 to 31 members");
        Check(Members!.Count is >= 1 and <= 31, nameof(Members), Members.Count, "1 to 31 members");
        Check(!Members.Contains(null!), nameof(Members), null, "no member that is null");
        foreach (var member in Members)
        {
            Check(IsName(member.Name), nameof(Members), member.Name, "names of 1 to 64 characters of A-Z a-z 0-9 _ . -");
            CheckAddress(member.Address, AddressUse.Advertise, nameof(Members));
        }

        Check(Members.Select(m => m.Name).Distinct(StringComparer.Ordinal).Count() == Members.Count, nameof(Members), string.Join(',', Members.Select(m => m.Name)), "each name once");
        var addresses = Members.Select(m => HostPort.TryParse(m.Address, AddressUse.Advertise, out var address, out _) ? address : default).ToList();
        Check(!addresses.Where((a, i) => addresses.Take(i).Any(a.IsSame)).Any(), nameof(Members), string.Join(',', Members.Select(m => m.Address)), "each address once");
        Check(Members.Any(m => m.Name == NodeName), nameof(NodeName), NodeName, $"one of the members ({string.Join(", ", Members.Select(m => m.Name))})");
        if (ListenAddress is not null)
            CheckAddress(ListenAddress, AddressUse.ListenForPeers, nameof(ListenAddress));
        Check(ClusterName is null || IsName(ClusterName), nameof(ClusterName), ClusterName, "1 to 64 characters of A-Z a-z 0-9 _ . -");
        Check(Groups is >= 0 and <= NodeIdentity.MaxGroups, nameof(Groups), Groups, "0 (what the cluster was founded with, 8 in a new one) to 1024");
        Check(Shards is >= 0 and <= 64, nameof(Shards), Shards, "0 (one per two cores) to 64");
        Check(MaxKeyBytes is >= 1 and <= 64 << 10, nameof(MaxKeyBytes), MaxKeyBytes, "1 to 65536 bytes");
        Check(MaxValueBytes is >= 1 and <= 16 << 20, nameof(MaxValueBytes), MaxValueBytes, "1 byte to 16 MiB");
        Check(ElectionTimeout >= TimeSpan.FromMilliseconds(50) && ElectionTimeout <= TimeSpan.FromMinutes(1), nameof(ElectionTimeout), ElectionTimeout, "50 ms to 60 s");
        Check(LeaderLeaseDuration > TimeSpan.Zero && LeaderLeaseDuration <= ElectionTimeout / 2, nameof(LeaderLeaseDuration), LeaderLeaseDuration, "above 0, at most half of ElectionTimeout");
        Check(HeartbeatInterval >= TimeSpan.FromMilliseconds(1) && HeartbeatInterval <= LeaderLeaseDuration / 3, nameof(HeartbeatInterval), HeartbeatInterval, "1 ms to a third of LeaderLeaseDuration");
        Check(RequestTimeout > TimeSpan.Zero && RequestTimeout <= TimeSpan.FromHours(1), nameof(RequestTimeout), RequestTimeout, "above 0, at most an hour");
        Check(StoreMemoryBytes is >= 128L << 20 and <= 1L << 40, nameof(StoreMemoryBytes), StoreMemoryBytes, "128 MiB to 1 TiB");
        Check(LogSegmentBytes is >= 1 << 20 and <= 1 << 30, nameof(LogSegmentBytes), LogSegmentBytes, "1 MiB to 1 GiB");
        Check(CheckpointBytes >= 1 << 20, nameof(CheckpointBytes), CheckpointBytes, "at least 1 MiB");
        Check(RetainedLogBytes >= 0, nameof(RetainedLogBytes), RetainedLogBytes, "not negative");
    }

    private static bool IsName(string? name) => name is { Length: >= 1 and <= 64 } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static void CheckAddress(string? text, AddressUse use, string field)
    {
        if (!HostPort.TryParse(text, use, out _, out var problem))
            throw new ArgumentException($"{field}: {problem}.");
    }

    private static void Check(bool holds, string field, object? value, string allowed)
    {
        if (!holds)
            throw new ArgumentException($"{field} is '{(value is TimeSpan time ? $"{time.TotalMilliseconds} ms" : value)}', allowed is: {allowed}.");
    }
}
