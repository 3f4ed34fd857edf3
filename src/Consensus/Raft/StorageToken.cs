namespace RaftKv.Consensus.Raft;

/// <summary>Names a set of writes: everything that one <see cref="RaftNode.TakeEffects"/> wanted written, in order.</summary>
/// <remarks>Invariant: tokens of a core are confirmed in the order in which they were handed out; confirming one confirms all before it.</remarks>
public readonly record struct StorageToken(ulong Sequence, ulong LastIndex, ulong LastTerm);
