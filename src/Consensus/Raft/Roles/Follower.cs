using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What a node does with what a leader of its term sends (the term gate has made it a follower by then).
/// Invariant: an acknowledgement of entries leaves after they are durable.
/// Invariant: a tail is cut off only at a true conflict, and never at or below the commit index.
/// Invariant: commit never passes what the message at hand verifies.
/// </summary>
internal sealed class Follower(RaftCore core)
{
    /// <summary>When the leader was last heard from.</summary>
    public long HeardAt { get; private set; } = long.MinValue / 2;

    /// <summary>The leader that was heard from last, in whatever term.</summary>
    public ulong HeardFrom { get; private set; }

    /// <summary>Whether the leader announced silence, so that no election timer runs.</summary>
    public bool IsQuiescent { get; private set; }

    /// <summary>Whether an image is about to replace the log: entries are not taken and no election is started until that ends.</summary>
    public bool IsInstallingSnapshot { get; set; }

    private RaftLog Log => core.Log;

    /// <summary>Any message from the current leader.</summary>
    public void OnLeaderHeard(ulong leader)
    {
        core.SetLeader(leader);
        HeardAt = core.Now;
        HeardFrom = leader;
        core.Promise.Renew(core.Now);
        core.Timer.Arm(core.Now);
        if (leader != core.Timer.LostLeader)
            core.Timer.LeaderFound();
    }

    public void OnAppendEntries(AppendEntries message)
    {
        if (IsInstallingSnapshot)
            return;
        var entries = message.Entries;
        var skip = 0;
        if (message.PreviousIndex < Log.Committed)
        {
            // What is committed here is in the leader's log too, so the overlap needs no look at a previous entry that may be compacted away already.
            skip = (int)Math.Min(Log.Committed - message.PreviousIndex, (ulong)entries.Count);
            if (message.PreviousIndex + (ulong)skip < Log.Committed)
            {
                Accept(Log.Committed, message.SentAt, message.ReadRound, message.From);
                return;
            }
        }
        else if (!Log.Matches(message.PreviousIndex, message.PreviousTerm))
        {
            var hint = Log.FindMatchCandidate(Math.Min(message.PreviousIndex, Log.LastIndex), message.PreviousTerm);
            core.SendInTerm(new AppendRejected
            {
                From = core.Self, To = message.From, Term = core.Term, RejectedIndex = message.PreviousIndex, HintIndex = hint.Index, HintTerm = hint.Term,
                SentAtEcho = message.SentAt, ReadRound = message.ReadRound,
            });
            return;
        }

        for (; skip < entries.Count; skip++)
            Take(entries[skip]);
        var verified = message.PreviousIndex + (ulong)entries.Count;
        core.CommitTo(Math.Min(message.CommitIndex, verified));
        Accept(verified, message.SentAt, message.ReadRound, message.From);
    }

    public void OnHeartbeat(Heartbeat message)
    {
        Invariant.That(message.CommitIndex <= Log.LastIndex,
            $"leader {message.From} knows this node to hold entry {message.CommitIndex}, but the log ends at {Log.LastIndex}: acknowledged entries were lost");
        core.CommitTo(message.CommitIndex);
        IsQuiescent = message.Quiesce && message.LastIndex == Log.LastIndex && Log.Committed == Log.LastIndex;
        core.SendInTerm(new HeartbeatAcknowledged
        {
            From = core.Self, To = message.From, Term = core.Term, SentAtEcho = message.SentAt, ReadRound = message.ReadRound, Quiesced = IsQuiescent,
            AcceptsLeadership = core.AcceptsLeadership && core.CanCampaign,
        });
    }

    public void OnSnapshotChunk(SnapshotChunk chunk)
    {
        if (IsInstallingSnapshot)
            return;
        if (chunk.SnapshotIndex <= Log.Committed || Log.Matches(chunk.SnapshotIndex, chunk.SnapshotTerm))
        {
            // The log has it all; what follows the image's index may have been acknowledged and must stay.
            core.CommitTo(chunk.SnapshotIndex);
            Accept(Log.Committed, long.MinValue, 0, chunk.From);
            return;
        }

        Log.RaiseTimestamp(chunk.SnapshotTime);
        core.Out.Receive(chunk);
    }

    /// <summary>The image replaced state and durable log.</summary>
    public void OnSnapshotInstalled(ulong index, ulong term, Configuration configuration)
    {
        IsInstallingSnapshot = false;
        Log.Reset(index, term);
        core.Configurations.Reset(index, configuration);
        if (core.LeaderId != 0)
            Accept(index, long.MinValue, 0, core.LeaderId);
    }

    /// <summary>Something happened: a silent follower listens to the clock again, and counts the leader as heard from if the connection to it stands.</summary>
    public void Wake()
    {
        if (!IsQuiescent)
            return;
        IsQuiescent = false;
        core.Timer.Arm(core.Now);
        if (core.LeaderId != 0 && core.IsConnected(core.LeaderId))
            HeardAt = core.Now;
    }

    private void Take(LogEntry entry)
    {
        if (Log.Matches(entry.Index, entry.Term))
            return;
        if (entry.Index <= Log.LastIndex)
        {
            Sometimes.Reached(Log.Disk.Index < Log.LastIndex ? Sometimes.TailTruncatedWhileWritten : Sometimes.TailTruncated);
            Log.TruncateFrom(entry.Index);
            if (core.Configurations.TruncateFrom(entry.Index))
                Sometimes.Reached(Sometimes.ConfigurationTruncated);
        }

        Invariant.That(entry.Index == Log.LastIndex + 1, $"entry {entry.Index} does not follow {Log.LastIndex}");
        Log.Append(entry.Term, entry.Kind, entry.Timestamp, entry.Payload.Span);
        if (entry.Kind == EntryKind.Configuration)
            core.Configurations.Add(entry.Index, ConfigurationCodec.Read(entry));
    }

    private void Accept(ulong match, long sentAt, ulong readRound, ulong leader)
    {
        var accepted = new AppendAccepted { From = core.Self, To = leader, Term = core.Term, MatchIndex = match, SentAtEcho = sentAt, ReadRound = readRound };
        if (match <= Log.Disk.Index)
            core.SendInTerm(accepted);
        else
            core.Out.SendAfterDurable(accepted);
    }
}
