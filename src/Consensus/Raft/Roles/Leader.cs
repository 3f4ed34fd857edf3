using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// One term of leadership: proposals, acknowledgements, commit, and the timers of a leader. What is sent to followers is worked out by <see cref="Replicator"/> when effects are taken,
/// so that all that happened in a turn goes out together.
/// Invariant: it never overwrites or removes an entry of its log (leader append-only).
/// Invariant: commit advances only to an entry of its own term that a quorum of the governing configuration holds durably, itself included only by what its own disk confirmed.
/// Invariant: one configuration change at a time, none before an entry of its term is committed.
/// </summary>
internal sealed class Leader
{
    private readonly RaftCore _core;
    private readonly Replicator _replicator;
    private readonly LeaderLease _lease;
    private readonly ReadIndexRounds _reads;
    private readonly LeadershipTransfer _transfer = new();
    private readonly LeaderQuiescence _quiescence;
    private readonly Func<ulong, long> _matchOf;
    private readonly Func<ulong, long> _echoOf;
    private readonly Func<ulong, long> _contactOf;
    private readonly Func<ulong, long> _roundOf;
    private readonly Func<ulong, long> _selfOnly;
    private long _heartbeatAt;
    private long _uncommittedBytes;

    public Leader(RaftCore core)
    {
        _core = core;
        _reads = new ReadIndexRounds(core);
        _replicator = new Replicator(core, _reads);
        _lease = new LeaderLease(core.Options);
        _quiescence = new LeaderQuiescence(core, _replicator);
        FirstIndex = core.Log.LastIndex + 1;
        _matchOf = node => node == core.Self ? (long)Log.Disk.Index : (long)(_replicator.Find(node)?.Match ?? 0);
        _echoOf = node => node == core.Self ? core.Now : _replicator.Find(node)?.LastEcho ?? long.MinValue;
        _contactOf = node => node == core.Self ? core.Now : _replicator.Find(node)?.LastContact ?? long.MinValue;
        _roundOf = node => node == core.Self ? (long)_reads.Round : (long)(_replicator.Find(node)?.ReadRound ?? 0);
        _selfOnly = node => node == core.Self ? 1 : 0;
    }

    /// <summary>The no-op that begins the term: once it is committed, so is everything before it.</summary>
    public ulong FirstIndex { get; }

    public bool IsQuiescent => _quiescence.IsQuiescent;

    public long LeaseUntil => _lease.Until;

    public ulong TransferTarget => _transfer.Target;

    public long NextDeadline => IsQuiescent ? long.MaxValue : Math.Min(_heartbeatAt, _transfer.Deadline);

    public bool HasWork => _replicator.HasWork;

    private RaftLog Log => _core.Log;

    private bool HasCommittedInTerm => Log.Committed >= FirstIndex;

    /// <summary>Begins the term with an entry of it, without which nothing of earlier terms may be counted as committed (Raft paper 5.4.2).</summary>
    public void Begin()
    {
        _core.Append(EntryKind.NoOp, _core.LogTime, []);
        _replicator.Reconfigure(FirstIndex);
        _replicator.HeartbeatDue = true;
        _heartbeatAt = NextHeartbeat();
        _quiescence.Wake();
    }

    /// <summary>Leadership is lost.</summary>
    public void Resign()
    {
        if (_transfer is { Target: not 0, Told: true })
            Sometimes.Reached(Sometimes.TransferCompleted);
        _lease.Surrender();
        _reads.RefuseAll();
    }

    /// <summary>Works out what to send now.</summary>
    public void Flush() => _replicator.Flush();

    public ProposeStatus Propose(ReadOnlySpan<byte> payload, long timestamp, out ulong index)
    {
        index = 0;
        if (_transfer.Target != 0)
            return ProposeStatus.TransferInProgress;
        if (_uncommittedBytes > 0 && _uncommittedBytes + payload.Length > _core.Options.MaxUncommittedBytes)
        {
            Sometimes.Reached(Sometimes.ProposalOverloaded);
            return ProposeStatus.Overloaded;
        }

        Wake();
        index = _core.Append(EntryKind.Command, timestamp, payload);
        _uncommittedBytes += payload.Length;
        _replicator.HasWork = true;
        return ProposeStatus.Accepted;
    }

    public ProposeStatus ProposeConfiguration(ConfigurationChange change, long timestamp, out ulong index)
    {
        index = 0;
        if (_transfer.Target != 0)
            return ProposeStatus.TransferInProgress;
        // Two changes at once, or one on top of an unfinished one of an earlier term, can give two majorities that do not meet.
        if (!HasCommittedInTerm || _core.Configurations.CurrentIndex > Log.Committed || _core.Configuration.IsJoint)
            return ProposeStatus.ConfigurationRefused;
        if (ConfigurationChanger.For(_core.Configuration, change, out _) is not { } next)
            return ProposeStatus.ConfigurationRefused;
        Wake();
        index = Reconfigure(next, timestamp);
        return ProposeStatus.Accepted;
    }

    public ReadIndexStatus ReadIndex(ulong context, ulong from)
    {
        if (!HasCommittedInTerm)
        {
            Sometimes.Reached(Sometimes.ReadIndexBeforeOwnCommit);
            return ReadIndexStatus.NotReady;
        }

        Wake();
        // Alone, this node's commit index is all there is: it counts only what its own disk confirmed.
        if (Quorums.Reached(_core.Configuration, _selfOnly) == 1 || _core.Now < _lease.Until)
        {
            ReadIndexRounds.Answer(_core, from, context, Log.Committed);
            return ReadIndexStatus.Pending;
        }

        _reads.Add(context, from);
        _replicator.HasWork = true;
        return ReadIndexStatus.Pending;
    }

    public bool Transfer(ulong target)
    {
        if (target == _core.Self || !_core.Configuration.Voters.Contains(target) || _replicator.Find(target) is not { } progress)
            return false;
        if (_transfer.Target == target)
            return true;
        Wake();
        _transfer.Begin(target, _core.Now + _core.Options.ElectionTimeout);
        _lease.Surrender();
        _replicator.HasWork = true;
        TellTarget(progress);
        return true;
    }

    public void OnAppendAccepted(AppendAccepted message)
    {
        if (Heard(message.From, message.SentAtEcho, message.ReadRound) is not { } progress)
            return;
        Invariant.That(message.MatchIndex <= Log.LastIndex, $"node {message.From} acknowledges entry {message.MatchIndex}, the leader's log ends at {Log.LastIndex}");
        _replicator.HasWork = true;
        if (!progress.Accepted(message.MatchIndex, Log.StartIndex))
            return;
        TellTarget(progress);
        AdvanceCommit();
    }

    public void OnAppendRejected(AppendRejected message)
    {
        if (Heard(message.From, message.SentAtEcho, message.ReadRound) is not { } progress)
            return;
        var candidate = Log.FindMatchCandidate(message.HintIndex, message.HintTerm).Index;
        if (progress.Rejected(message.RejectedIndex, candidate))
            _replicator.HasWork = true;
    }

    public void OnHeartbeatAcknowledged(HeartbeatAcknowledged message)
    {
        if (Heard(message.From, message.SentAtEcho, message.ReadRound) is not { } progress)
            return;
        progress.AcceptsLeadership = message.AcceptsLeadership;
        if (!message.AcceptsLeadership && _transfer.Target == message.From)
            EndTransfer();
        // It answered something sent after the last append but not that: it is lost, or the follower's disk is slow. A probe is repeated; in the pipeline an empty append tells which.
        if (message.SentAtEcho > progress.LastAppendAt && (progress.Match < Log.LastIndex || progress.State == ProgressState.Probe))
        {
            progress.Doubt();
            _replicator.HasWork = true;
        }

        if (_quiescence.OnAcknowledged(progress, message))
            _lease.Surrender();
    }

    /// <summary>An answer to a piece of an image, checked for its term.</summary>
    public void OnSnapshotAnswer(Message message)
    {
        if (_replicator.Find(message.From) is not { } progress)
            return;
        progress.LastContact = _core.Now;
        _core.Out.ReceiveAnswer(message);
    }

    /// <summary>Whether leadership is being transferred.</summary>
    public bool IsTransferring => _transfer.Target != 0;

    /// <summary>Whether a follower would lead, as it said last; null when it has said nothing in this term, or is no member.</summary>
    public bool? AcceptsLeadership(ulong peer) => _replicator.Find(peer)?.AcceptsLeadership;

    /// <summary>How far a follower is known to hold this log.</summary>
    public ulong MatchOf(ulong peer) => _replicator.Find(peer)?.Match ?? 0;

    /// <summary>Whether a follower needs an image, and one of this index would bring it further.</summary>
    public bool AwaitsSnapshot(ulong peer, ulong index) => _replicator.Find(peer) is { State: ProgressState.Snapshot } progress && progress.Match < index;

    /// <summary>Sending an image ended, one way or the other; a sign of life from the follower starts probing, which paces repeated failures.</summary>
    public void OnSnapshotEnded(ulong peer)
    {
        if (_replicator.Find(peer) is not { State: ProgressState.Snapshot } progress)
            return;
        progress.BecomeProbe();
        progress.Pause();
    }

    public void OnPeerConnected(ulong peer)
    {
        if (_replicator.Find(peer) is not { } progress)
            return;
        Wake();
        // What was under way on the old connection may be lost. A probe goes on where it was: where it began may be behind the log's start, and an image would be sent to one who needs none.
        if (progress.State == ProgressState.Replicate)
            progress.BecomeProbe();
        else
            progress.Doubt();
        _replicator.HeartbeatDue = true;
    }

    public void OnPeerDisconnected(ulong peer)
    {
        if (_transfer.Target == peer && !_transfer.Told)
            EndTransfer();
        // Awake, it learns by its heartbeats that nobody answers, and steps down: an idle group must not show a leader that can do nothing.
        if (IsQuiescent && !_quiescence.HasConnectedQuorum)
            Wake();
    }

    /// <summary>Own writes are durable: the own acknowledgement counts from here on.</summary>
    public void OnDurable() => AdvanceCommit();

    public void Tick()
    {
        if (_core.Now >= _transfer.Deadline)
            EndTransfer();
        if (IsQuiescent || _core.Now < _heartbeatAt)
            return;
        // CheckQuorum: whoever cannot reach a quorum must not go on as if it led.
        if (Quorums.Reached(_core.Configuration, _contactOf) + _core.Options.ElectionTimeout <= _core.Now)
        {
            Sometimes.Reached(Sometimes.LeaderWithoutQuorum);
            _core.BecomeFollower(_core.Term, 0);
            return;
        }

        ConfirmReads();
        _heartbeatAt = NextHeartbeat();
        _replicator.HeartbeatDue = true;
        if (_quiescence.Consider(_transfer.Target == 0 && _reads.IsEmpty))
            _lease.Surrender();
        else
            RenewLease();
    }

    /// <summary>Something happened: the group is not silent any more.</summary>
    public void Wake()
    {
        if (!_quiescence.Wake())
            return;
        // Nobody was asked anything during the silence, so nobody is to blame for it.
        foreach (var progress in _replicator.Peers)
            progress.LastContact = _core.Now;
        _heartbeatAt = NextHeartbeat();
        _replicator.HeartbeatDue = true;
        PermitLease();
    }

    /// <summary>At the next multiple of the interval: the groups that a node leads beat together, and what they say goes in one frame to each peer.</summary>
    private long NextHeartbeat() => (_core.Now / _core.Options.HeartbeatInterval + 1) * _core.Options.HeartbeatInterval;

    private FollowerProgress? Heard(ulong from, long sentAtEcho, ulong readRound)
    {
        if (_replicator.Find(from) is not { } progress)
            return null;
        progress.Heard(_core.Now, sentAtEcho, readRound);
        RenewLease();
        ConfirmReads();
        return progress;
    }

    private void ConfirmReads()
    {
        if (!_reads.IsEmpty)
            _reads.Confirm((ulong)Quorums.Reached(_core.Configuration, _roundOf));
    }

    private void RenewLease() => _lease.Renew(Quorums.Reached(_core.Configuration, _echoOf));

    private void PermitLease()
    {
        if (HasCommittedInTerm && _transfer.Target == 0 && !IsQuiescent)
        {
            _lease.Permit(_core.Now);
            RenewLease();
        }
    }

    private void AdvanceCommit()
    {
        var reached = (ulong)Quorums.Reached(_core.Configuration, _matchOf);
        if (reached <= Log.Committed || Log.TermAt(reached) != _core.Term)
            return;
        _uncommittedBytes -= Log.CachedBytes(Math.Max(Log.Committed, FirstIndex), reached);
        var first = !HasCommittedInTerm;
        _core.CommitTo(reached);
        _replicator.HasWork = true;
        _quiescence.Active();
        if (first)
            PermitLease();
        if (_core.Configurations.CurrentIndex <= reached)
            OnConfigurationCommitted();
    }

    private void OnConfigurationCommitted()
    {
        var configuration = _core.Configuration;
        if (configuration.IsJoint && configuration.AutoLeave && _transfer.Target == 0)
        {
            var next = ConfigurationChanger.LeaveJoint(configuration, out _);
            Invariant.That(next is not null, "a joint configuration cannot be left");
            Sometimes.Reached(Sometimes.JointLeft);
            Reconfigure(next, _core.LogTime);
        }
        else if (!configuration.IsVoter(_core.Self))
        {
            // Removed, by an entry that is now committed without this node's vote: tell the others, let the best of them campaign at once, and go.
            Sometimes.Reached(Sometimes.RemovedLeaderWent);
            _lease.Forbid();
            _replicator.SayGoodbye();
            _core.BecomeFollower(_core.Term, 0);
        }
    }

    private ulong Reconfigure(Configuration next, long timestamp)
    {
        var index = _core.AppendConfiguration(next, timestamp);
        _uncommittedBytes += Log.CachedBytes(index - 1, index);
        _replicator.Reconfigure(index);
        _replicator.HasWork = true;
        _quiescence.Active();
        if (next.IsJoint)
            Sometimes.Reached(Sometimes.JointEntered);
        return index;
    }

    private void TellTarget(FollowerProgress progress)
    {
        if (_transfer.Target != progress.Node || _transfer.Told || progress.Match != Log.LastIndex)
            return;
        _transfer.Told = true;
        _lease.Forbid();
        _core.SendInTerm(new TimeoutNow { From = _core.Self, To = progress.Node, Term = _core.Term });
    }

    private void EndTransfer()
    {
        Sometimes.Reached(Sometimes.TransferGivenUp);
        _transfer.End();
        PermitLease();
        if (_core.Configurations.CurrentIndex <= Log.Committed && _core.Configuration.IsJoint)
            OnConfigurationCommitted();
    }
}
