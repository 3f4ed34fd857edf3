namespace RaftKv.Consensus.Raft;

/// <summary>A read asked for with this context may be served once the state machine has applied <paramref name="Index"/>. Index 0: refused, ask again.</summary>
public readonly record struct ReadState(ulong Context, ulong Index);
