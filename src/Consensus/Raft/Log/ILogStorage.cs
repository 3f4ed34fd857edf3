namespace RaftKv.Consensus.Raft;

/// <summary>
/// Durable entries, for the indices that the core no longer caches. Called synchronously by the core; a disk error surfaces as an exception and ends the node.
/// </summary>
public interface ILogStorage
{
    /// <summary>
    /// Appends entries from <paramref name="first"/> on to <paramref name="into"/>, at most up to <paramref name="last"/> and until their payloads exceed
    /// <paramref name="maxBytes"/>, but at least one. Payloads are freshly allocated and stay valid.
    /// </summary>
    void Read(ulong first, ulong last, long maxBytes, List<LogEntry> into);
}
