using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Transport;

namespace RaftKv.Hosting.Node;

/// <summary>A node whose parts are open and recovered, and that does not run yet.</summary>
internal sealed record OpenNode(IReadOnlyList<Member> Members, NodeRuntime Runtime, DataDirectory Directory, ITransport Transport)
{
    /// <summary>What it found in its directory, in a sentence: before it runs.</summary>
    public string Recovered { get; } = Describe(Runtime);

    private static string Describe(NodeRuntime runtime)
    {
        var replicas = runtime.Shards.SelectMany(s => s.Replicas).ToList();
        var held = replicas.Count(r => r.Core.LastIndex > 0);
        var replayed = replicas.Sum(r => (long)(r.Core.LastIndex - Math.Min(r.Machine.Applied.Index, r.Core.LastIndex)));
        return held == 0
            ? "its directory is new"
            : $"{held} of {replicas.Count} groups recovered, to index {replicas.Max(r => r.Core.LastIndex)} at most in term {replicas.Max(r => r.Core.Term)} at most, {replayed} entries behind their checkpoints";
    }
}
