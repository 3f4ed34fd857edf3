namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Whoever has entries proposed through <see cref="Replica.TryPropose"/> and wants to know what became of them: callers' writes, writes that a peer forwarded, the removal of keys that are due.
/// Called on the shard's thread, once for each proposal, with the tag that it was proposed with.
/// </summary>
internal interface IProposer
{
    /// <summary>The entry was applied on this node, with this result, which is the shard's buffer: it holds until the call returns.</summary>
    void OnApplied(in ProposalTag tag, ReadOnlySpan<byte> result);

    /// <summary>This node lost its leadership before it applied the entry, which may be committed by another leader all the same, or never.</summary>
    void OnLost(in ProposalTag tag);
}

/// <summary>What a proposer tells its proposals apart by; nobody else looks into it.</summary>
/// <param name="Subject">An object of the proposer's, or null.</param>
/// <param name="Number">A number of the proposer's.</param>
/// <param name="Peer">A node, or 0.</param>
internal readonly record struct ProposalTag(object? Subject, ulong Number, ulong Peer);
