using System.Text.Json.Serialization;

namespace RaftKv.Hosting;

/// <summary>A node as another node sees it.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Address">Where its peers reach it.</param>
/// <param name="Alive">Whether the answering node is connected to it.</param>
/// <param name="ClockAheadMs">Milliseconds by which its wall clock is ahead of what a majority's have reached, as it was said last; null if that is not known.</param>
public sealed record NodeDescription(string Id, string Address, bool Alive, long? ClockAheadMs = null);

/// <summary>A group as the answering node sees it.</summary>
public sealed record GroupDescription(uint Id, string? Leader, ulong Term, ulong Commit, ulong Applied, IReadOnlyList<string> Voters, IReadOnlyList<string> Learners)
{
    /// <summary>The entry that a defect keeps this node's replica from applying, so that it serves nothing of the group; 0 if there is none. See <see cref="RaftKvNode.SkipEntryAsync"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ulong HaltedAt { get; init; }

    /// <summary>Why it halted, in a sentence; null if it did not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public string? HaltReason { get; init; }

    /// <summary>Milliseconds by which the time of the group's log is ahead of a majority's wall clocks; 0 as well if either is not known. No time to live depends on it.</summary>
    public long TimeAheadMs { get; init; }
}

/// <summary>The cluster as one node sees it: what GET /v1/cluster answers.</summary>
public sealed record ClusterDescription(IReadOnlyList<NodeDescription> Nodes, uint DefaultGroup, IReadOnlyList<GroupDescription> Groups);
