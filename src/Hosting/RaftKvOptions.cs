namespace RaftKv.Hosting;

/// <summary>One node of a cluster: its name and the host:port on which its peers reach it.</summary>
/// <param name="Name">1 to 64 characters of [A-Za-z0-9_.-].</param>
/// <param name="Address">host:port, port 1 to 65535.</param>
public sealed record RaftKvMember(string Name, string Address);

/// <summary>What a node needs to know to start. Every value is checked by <see cref="Validate"/>, which names the field and the limit.</summary>
public sealed class RaftKvOptions
{
    /// <summary>This node's name; one of <see cref="Members"/>.</summary>
    public string NodeName { get; set; } = "";

    /// <summary>Where this node keeps its data; created if missing. Never shared between nodes.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>All nodes, this one included; the same list, in any order, on every node. 1, 3, 5 or 7 make sense.</summary>
    public IList<RaftKvMember> Members { get; set; } = [];

    /// <summary>Raft groups beside the meta group, 1 to 1024, fixed when the cluster is created. 8: enough to spread leaders over a few nodes, few enough to cost nothing.</summary>
    public int Groups { get; set; } = 8;

    /// <summary>Threads that own groups, 1 to 64, fixed when the data directory is created; 0 chooses one per two cores.</summary>
    public int Shards { get; set; }

    /// <summary>Longest key, 1 B to 64 KiB.</summary>
    public int MaxKeyBytes { get; set; } = 64 << 10;

    /// <summary>Longest value, 1 B to 256 MiB. 16 MiB: a larger one would hold up everything behind it.</summary>
    public int MaxValueBytes { get; set; } = 16 << 20;

    /// <summary>Shortest time without a leader after which a node campaigns, 50 ms to 60 s. 300 ms: well above a pause of a few tens of ms on a busy machine.</summary>
    public TimeSpan ElectionTimeout { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Time between heartbeats, at most a third of the lease. 25 ms: an idle cluster exchanges 40 small frames a second per pair.</summary>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>How long a quorum promises to follow nobody else after hearing from a leader; a killed leader is replaced after about this time. At most half of the election timeout.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromMilliseconds(90);

    /// <summary>How long a request may take when its caller names no time.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Memory for the store's hot part, per shard, at least 64 MiB.</summary>
    public long StoreMemoryBytes { get; set; } = 256L << 20;

    /// <summary>Size of a log segment, 1 MiB to 1 GiB.</summary>
    public long LogSegmentBytes { get; set; } = 64L << 20;

    /// <summary>Bytes applied after which a checkpoint is taken, at least 1 MiB: the bound on what a restart replays.</summary>
    public long CheckpointBytes { get; set; } = 256L << 20;

    /// <summary>Throws when a value is out of range.</summary>
    /// <exception cref="ArgumentException">One sentence that names the field, the value and what is allowed.</exception>
    public void Validate() => throw new NotImplementedException();
}
