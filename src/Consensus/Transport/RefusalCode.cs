namespace RaftKv.Consensus.Transport;

/// <summary>Why a node will not talk to another. On the wire: numbers are never changed.</summary>
public enum RefusalCode : byte
{
    /// <summary>No common protocol version.</summary>
    Version = 1,

    /// <summary>The nodes belong to different clusters.</summary>
    Cluster = 2,

    /// <summary>The frame was for another node than the one it reached: an address is wrong.</summary>
    Receiver = 3,

    /// <summary>The sender's number is known by another data directory.</summary>
    Incarnation = 4,

    /// <summary>The sender's number is known by another name.</summary>
    Name = 5,

    /// <summary>The sender is not known as a peer: not yet, or not any more. May pass by itself, so the dialler only tries again later.</summary>
    Unknown = 6,

    /// <summary>The introduction could not be read.</summary>
    Malformed = 7,

    /// <summary>The nodes were given different lists of nodes: they would count different majorities.</summary>
    Members = 8,

    /// <summary>The nodes have different numbers of groups.</summary>
    Groups = 9,
}
