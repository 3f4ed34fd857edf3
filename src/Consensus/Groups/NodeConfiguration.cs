using RaftKv.Consensus.Raft;

namespace RaftKv.Consensus.Groups;

/// <summary>A node of the cluster.</summary>
/// <param name="Number">1 and up; the same on every node.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Address">host:port.</param>
public sealed record Member(ulong Number, string Name, string Address);

/// <summary>What a node's runtime needs to know; made and validated by the hosting layer.</summary>
public sealed record NodeConfiguration
{
    /// <summary>This node.</summary>
    public required ulong Self { get; init; }

    /// <summary>All nodes, this one included, ascending by number.</summary>
    public required IReadOnlyList<Member> Members { get; init; }

    /// <summary>Data groups, numbered 1 to Groups.</summary>
    public required int Groups { get; init; }

    /// <summary>Threads that own groups.</summary>
    public required int Shards { get; init; }

    /// <summary>Raft's knobs, the same for all groups.</summary>
    public required RaftOptions Raft { get; init; }

    /// <summary>Bytes applied by a shard after which it takes a checkpoint.</summary>
    public long CheckpointBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of entries that a group keeps in its log behind a checkpoint, so that a follower that was away for a moment needs no image.</summary>
    public long RetainedLogBytes { get; init; } = 64L << 20;

    /// <summary>Writes accepted from this node's callers and not yet ended, per group; beyond it they are refused. Well below what a session remembers.</summary>
    public int MaxOutstandingWrites { get; init; } = 32_768;

    /// <summary>Bytes of commands forwarded to a leader and not yet answered, per group (one is always allowed): the rest waits here, where it costs its callers and not the way.</summary>
    public long MaxForwardedBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of a shard's batch for the log after which it goes without waiting for the rest of the turn: the sum of what many groups have to write knows no bound.</summary>
    public int MaxBatchBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of frames that may wait for a shard; beyond it they are dropped, as any network drops some: a shard that stands still must not make its peers fill this node's memory.</summary>
    public long MaxInboxBytes { get; init; } = 256 << 20;

    /// <summary>Size of a piece of an image sent to a follower.</summary>
    public int SnapshotChunkBytes { get; init; } = 256 << 10;

    /// <summary>A node that just came back has a cold cache and may leave again: it is given its groups when it has been connected, and willing to lead, for so many nanoseconds.</summary>
    public long SteadyBeforeLeading { get; init; } = 5_000_000_000;

    /// <summary>Randomness of this node: election timeouts.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Majority of all members.</summary>
    public int Majority => (Members.Count / 2) + 1;

    /// <summary>The node that leads a group when nothing speaks against it: leaders are spread round-robin.</summary>
    public ulong PreferredLeader(uint group) => Members[(int)((group - 1) % (uint)Members.Count)].Number;
}
