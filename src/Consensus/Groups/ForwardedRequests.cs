namespace RaftKv.Consensus.Groups;

/// <summary>
/// The forwarded writes that this node has seen of one group. Their numbers ascend on each connection, so a number that is not above the last is a copy, and is dropped: whatever was answered to a forwarded
/// write, that it was not taken or that its session is unknown, stays true.
/// </summary>
internal sealed class ForwardedRequests
{
    private readonly Dictionary<ulong, ulong> _last = [];

    /// <summary>A fresh connection to a peer, which may have been started again. What came over the connection before comes no more.</summary>
    public void OnPeerConnected(ulong peer) => _last.Remove(peer);

    /// <summary>Whether this one may be taken: it never came before.</summary>
    public bool IsNew(ulong peer, ulong request)
    {
        if (request <= _last.GetValueOrDefault(peer))
            return false;
        _last[peer] = request;
        return true;
    }
}
