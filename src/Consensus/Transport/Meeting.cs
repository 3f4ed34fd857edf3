namespace RaftKv.Consensus.Transport;

/// <summary>The outcome of a handshake: who each side said that it is. Both sides come to the same, whatever has become of them meanwhile.</summary>
/// <param name="Self">This node as it introduced itself.</param>
/// <param name="Other">The other.</param>
internal readonly record struct Meeting(NodeIdentity Self, NodeIdentity Other)
{
    /// <summary>Whether frames may pass. Otherwise the connection says only that two nodes agree, and is given up for another once the provisional one is final.</summary>
    public bool IsFull => Self.IsFinal && Other.IsFinal;
}
