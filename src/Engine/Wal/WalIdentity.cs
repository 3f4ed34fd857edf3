namespace RaftKv.Engine.Wal;

/// <summary>Whose log it is. Every segment names it, and every checksum of a batch is seeded with it, so that no other node's bytes are ever taken for this one's.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Node">The node's number in it.</param>
public readonly record struct WalIdentity(Guid Cluster, ulong Node);
