namespace RaftKv.Consensus.Transport;

/// <summary>What is known of a peer that introduces itself.</summary>
public enum PeerCheck
{
    /// <summary>It is who it was before, or was met for the first time and is remembered now.</summary>
    Accepted,

    /// <summary>Its number is known with another data directory: it lost what it had promised and may not go on under this number.</summary>
    OtherIncarnation,

    /// <summary>Its number is known under another name.</summary>
    OtherName,
}

/// <summary>
/// Remembers which data directory stands behind each node number. Votes and acknowledgements are promises of a directory: a node that comes back
/// under its number with an empty one would break them, so those who knew it refuse it. Thread-safe.
/// </summary>
public interface IPeerRegistry
{
    /// <summary>
    /// Compares a peer with what is remembered; one that was never met is remembered, durably, before this returns, if it is to be: who has promised nothing yet is not.
    /// </summary>
    /// <exception cref="IOException">The disk failed: the peer must not be used.</exception>
    PeerCheck Check(ulong peer, string name, ulong incarnation, bool remember = true);
}
