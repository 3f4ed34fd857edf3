namespace RaftKv.Consensus.Raft.Messages;

/// <summary>Leader to the transfer target: campaign at once.</summary>
public sealed record TimeoutNow : Message;
