namespace RaftKv.Hosting;

/// <summary>A node as another node sees it.</summary>
public sealed record NodeDescription(string Id, string Address, bool Alive);

/// <summary>A group as the answering node sees it.</summary>
public sealed record GroupDescription(uint Id, string? Leader, ulong Term, ulong Commit, ulong Applied, IReadOnlyList<string> Voters, IReadOnlyList<string> Learners);

/// <summary>The cluster as one node sees it: what GET /v1/cluster answers.</summary>
public sealed record ClusterDescription(IReadOnlyList<NodeDescription> Nodes, uint DefaultGroup, IReadOnlyList<GroupDescription> Groups);
