using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Transport;

namespace RaftKv.Hosting;

/// <summary>A node whose parts are open and recovered, and that does not run yet.</summary>
internal sealed record OpenNode(IReadOnlyList<Member> Members, NodeRuntime Runtime, DataDirectory Directory, ITransport Transport);
