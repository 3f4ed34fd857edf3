using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What a leader sends to its followers, worked out once per turn from their progress: everything appended meanwhile goes out as one message.
/// Invariant: there is a progress for exactly the other members of the governing configuration.
/// </summary>
internal sealed class Replicator(RaftCore core, ReadIndexRounds reads)
{
    private readonly List<FollowerProgress> _peers = [];

    /// <summary>The followers and learners, by node.</summary>
    public List<FollowerProgress> Peers => _peers;

    /// <summary>Whether <see cref="Flush"/> may have something to send.</summary>
    public bool HasWork { get; set; }

    /// <summary>Whether every follower is due a heartbeat.</summary>
    public bool HeartbeatDue
    {
        get;
        set
        {
            field = value;
            HasWork |= value;
        }
    }

    /// <summary>Whether heartbeats announce silence.</summary>
    public bool AnnounceQuiescence { get; set; }

    public FollowerProgress? Find(ulong node)
    {
        foreach (var progress in _peers)
        {
            if (progress.Node == node)
                return progress;
        }

        return null;
    }

    /// <summary>Follows a change of configuration: members that stay keep their progress, new ones are probed from <paramref name="next"/>.</summary>
    public void Reconfigure(ulong next)
    {
        var members = core.Configuration.Members();
        _peers.RemoveAll(progress => !members.Contains(progress.Node));
        foreach (var node in members)
        {
            if (node != core.Self && Find(node) is null)
                _peers.Add(new FollowerProgress(node, next, core.Options, core.Now));
        }

        _peers.Sort((a, b) => a.Node.CompareTo(b.Node));
        HasWork = true;
    }

    /// <summary>Sends what is due.</summary>
    public void Flush()
    {
        if (!HasWork)
            return;
        var heartbeat = HeartbeatDue || reads.HasUnsent;
        HasWork = HeartbeatDue = false;
        reads.BeginRound();
        foreach (var progress in _peers)
        {
            if (!core.IsConnected(progress.Node))
                continue;
            if (heartbeat)
                SendHeartbeat(progress);
            SendEntries(progress);
            // A follower applies, and answers reads, no sooner than it learns of the commit; with entries flowing it learns by them.
            if (progress.State == ProgressState.Replicate && Math.Min(core.Log.Committed, progress.Match) > progress.CommitSent)
                SendHeartbeat(progress);
        }
    }

    /// <summary>A removed leader's last messages: the commit index, to all, and TimeoutNow to the most complete voter.</summary>
    public void SayGoodbye()
    {
        FollowerProgress? best = null;
        foreach (var progress in _peers)
        {
            SendHeartbeat(progress);
            if (core.Configuration.IsVoter(progress.Node) && core.IsConnected(progress.Node) && progress.Match > (best?.Match ?? 0))
                best = progress;
        }

        if (best is not null)
            core.SendInTerm(new TimeoutNow { From = core.Self, To = best.Node, Term = core.Term });
    }

    private void SendHeartbeat(FollowerProgress progress)
    {
        progress.CommitSent = Math.Min(core.Log.Committed, progress.Match);
        core.SendInTerm(new Heartbeat
        {
            From = core.Self, To = progress.Node, Term = core.Term, CommitIndex = progress.CommitSent, SentAt = core.Now, ReadRound = reads.Round,
            Quiesce = AnnounceQuiescence, LastIndex = core.Log.LastIndex, LogTime = core.LogTime,
        });
    }

    private void SendEntries(FollowerProgress progress)
    {
        while (!progress.IsPaused)
        {
            var hasMore = progress.Next <= core.Log.LastIndex;
            if (!hasMore && !(progress.State == ProgressState.Probe || progress.Suspicious))
                return;
            // The entry before Next is named in the message: the log must still know its term.
            if (progress.Next <= core.Log.StartIndex)
            {
                progress.BecomeSnapshot();
                core.Out.SendSnapshot(progress.Node);
                return;
            }

            if (progress.Suspicious)
                break;
            SendAppend(progress, hasMore);
        }

        // Suspicion is settled by an empty append first, even through a full window; more entries would only queue up behind lost ones.
        if (progress.State == ProgressState.Replicate && progress.Suspicious)
            SendAppend(progress, withEntries: false);
    }

    private void SendAppend(FollowerProgress progress, bool withEntries)
    {
        IReadOnlyList<LogEntry> entries = [];
        var previous = progress.Next - 1;
        var last = previous;
        var bytes = 0L;
        if (withEntries)
        {
            var list = core.Out.RentList();
            last += (ulong)core.Log.Collect(progress.Next, core.Log.LastIndex, core.Options.MaxAppendBytes, list, out bytes);
            entries = list;
        }

        core.SendInTerm(new AppendEntries
        {
            From = core.Self, To = progress.Node, Term = core.Term, PreviousIndex = previous, PreviousTerm = core.Log.TermAt(previous),
            CommitIndex = core.Log.Committed, SentAt = core.Now, ReadRound = reads.Round, Entries = entries,
        });
        progress.CommitSent = Math.Max(progress.CommitSent, Math.Min(core.Log.Committed, last));
        progress.Sent(last, bytes, core.Now);
    }
}
