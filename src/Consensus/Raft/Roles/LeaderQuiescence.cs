using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// When a leader may quiesce, so that idle groups cost nothing. It announces that by heartbeat; once every connected member has stopped its election timer too, it stops.
/// Invariant: silent only while every connected member holds, and knows as committed, the whole log; whatever happens next ends the silence.
/// Invariant: silent only while a quorum is connected: nobody is asked anything during the silence, so that the loss of its connections is all by which a leader notices that it leads nobody.
/// </summary>
internal sealed class LeaderQuiescence(RaftCore core, Replicator replicator)
{
    private readonly Func<ulong, long> _connectedOf = node => node == core.Self || core.IsConnected(node) ? 1 : 0;
    private long _activeAt = core.Now;
    private long _askedAt = long.MaxValue;

    public bool IsQuiescent { get; private set; }

    /// <summary>Whether connections to enough members for a quorum stand.</summary>
    public bool HasConnectedQuorum => Quorums.Reached(core.Configuration, _connectedOf) == 1;

    /// <summary>Something happened that is worth staying awake for.</summary>
    public void Active()
    {
        _activeAt = core.Now;
        Withdraw();
    }

    /// <summary>Ends the silence; true if there was one.</summary>
    public bool Wake()
    {
        Active();
        var was = IsQuiescent;
        IsQuiescent = false;
        if (was)
            Sometimes.Reached(Sometimes.GroupWoke);
        return was;
    }

    /// <summary>At a heartbeat: announces silence if there is nothing to do; true if that ended in silence at once, because nobody else is there.</summary>
    public bool Consider(bool nothingElse)
    {
        if (!nothingElse || !IsIdle())
        {
            Withdraw();
            return false;
        }

        if (!replicator.AnnounceQuiescence)
            _askedAt = core.Now;
        replicator.AnnounceQuiescence = true;
        return Quiesce();
    }

    /// <summary>A follower answered; true if that was the last one to quiesce.</summary>
    public bool OnAcknowledged(FollowerProgress progress, HeartbeatAcknowledged message)
    {
        progress.Quiesced = message.Quiesced && message.SentAtEcho >= _askedAt;
        return replicator.AnnounceQuiescence && IsIdle() && Quiesce();
    }

    private bool Quiesce()
    {
        foreach (var progress in replicator.Peers)
        {
            if (core.IsConnected(progress.Node) && !progress.Quiesced)
                return false;
        }

        Sometimes.Reached(Sometimes.GroupQuiesced);
        IsQuiescent = true;
        return true;
    }

    private bool IsIdle()
    {
        var log = core.Log;
        if (core.Options.QuiesceAfter <= 0 || core.Now < _activeAt + core.Options.QuiesceAfter || core.Configuration.IsJoint || !HasConnectedQuorum)
            return false;
        if (log.Committed != log.LastIndex || log.Applied != log.LastIndex || log.Disk.Index != log.LastIndex)
            return false;
        foreach (var progress in replicator.Peers)
        {
            if (core.IsConnected(progress.Node) && progress.Match != log.LastIndex)
                return false;
        }

        return true;
    }

    private void Withdraw()
    {
        replicator.AnnounceQuiescence = false;
        _askedAt = long.MaxValue;
        foreach (var progress in replicator.Peers)
            progress.Quiesced = false;
    }
}
