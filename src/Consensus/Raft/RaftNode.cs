using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Raft for one group, as a deterministic state machine (Ongaro's thesis, 2014). Inputs change its state; what must be done about it is collected by <see cref="TakeEffects"/>.
/// Not thread-safe: its shard's thread owns it. Reads no clock: <c>now</c> is monotonic nanoseconds, never decreasing.
/// </summary>
public sealed class RaftNode
{
    private readonly RaftCore _core;
    private readonly TermGate _gate;
    private (ulong Term, ulong Vote) _writtenState;

    /// <summary>Starts a replica from what log and store recovered (all empty for a new one).</summary>
    /// <param name="options">Knobs; times in nanoseconds.</param>
    /// <param name="initial">What was recovered.</param>
    /// <param name="storage">Entries older than what the core keeps in memory.</param>
    /// <param name="seed">Source of all randomness: equal seeds and inputs give equal effects.</param>
    /// <param name="now">Monotonic nanoseconds.</param>
    public RaftNode(RaftOptions options, RaftInitialState initial, ILogStorage storage, ulong seed, long now)
    {
        _core = new RaftCore(options, initial, storage, seed, now);
        _gate = new TermGate(_core);
        _writtenState = (initial.Term, initial.Vote);
    }

    /// <summary>The inside, for tests that check invariants with global knowledge.</summary>
    internal RaftCore Core => _core;

    // ---- observation

    /// <summary>This node's number.</summary>
    public ulong Self => _core.Self;

    /// <summary>What it is at the moment.</summary>
    public RaftRole Role => _core.VisibleRole;

    /// <summary>The current term.</summary>
    public ulong Term => _core.Term;

    /// <summary>The leader as far as known, 0 if unknown.</summary>
    public ulong Leader => _core.LeaderId;

    /// <summary>First entry of the log (one above the last if it is empty).</summary>
    public ulong FirstIndex => _core.Log.StartIndex + 1;

    /// <summary>Last entry of the log.</summary>
    public ulong LastIndex => _core.Log.LastIndex;

    /// <summary>Term of an entry from FirstIndex - 1 to LastIndex, 0 for any other.</summary>
    public ulong TermOf(ulong index) => _core.Log.TermAt(index);

    /// <summary>Committed up to here, as far as this node knows.</summary>
    public ulong CommitIndex => _core.Log.Committed;

    /// <summary>Applied up to here, as the state machine's owner reported.</summary>
    public ulong AppliedIndex => _core.Log.Applied;

    /// <summary>The configuration that governs: the newest in the log, committed or not.</summary>
    public Configuration Configuration => _core.Configuration;

    /// <summary>Exclusive end, on the local monotonic clock, of the time in which a local read is linearizable (once applied up to commit); <see cref="long.MinValue"/> without a lease.</summary>
    public long LeaseUntil => _core.Leadership?.LeaseUntil ?? long.MinValue;

    /// <summary>When <see cref="Tick"/> wants to be called next; <see cref="long.MaxValue"/> for a quiescent group.</summary>
    public long NextDeadline
    {
        get
        {
            if (_core.Leadership is { } leadership)
                return leadership.NextDeadline;
            return _core.Follower.IsQuiescent || !_core.CanCampaign ? long.MaxValue : _core.Timer.Deadline;
        }
    }

    /// <summary>
    /// What has to be added to the monotonic clock, in microseconds, to get the time of the log; <see cref="long.MinValue"/> while its owner does not know it. Heartbeats carry that time, and the no-op
    /// of a term is stamped with it, so that who follows knows it too.
    /// </summary>
    public long LogOrigin
    {
        get => _core.LogOrigin;
        set => _core.LogOrigin = value;
    }

    /// <summary>The term of the leader whose time of the log that is; 0 if it is nobody's. Votes carry both, so that a leader that was just started goes on with what a voter has kept.</summary>
    public ulong LogTimeTerm
    {
        get => _core.LogTimeTerm;
        set => _core.LogTimeTerm = value;
    }

    /// <summary>Term of the last entry of the log; 0 if that is empty.</summary>
    public ulong LastTerm => _core.Log.LastTerm;

    /// <summary>What entries are stamped with at least: the last entry's time, as far as it is known.</summary>
    public long LastTimestamp => _core.Log.LastTimestamp;

    /// <summary>Whether it waits silently for something to happen.</summary>
    public bool IsQuiescent => _core.Leadership?.IsQuiescent ?? _core.Follower.IsQuiescent;

    /// <summary>Set while the state machine can take nothing more (its disk is full, say): what is committed is kept back until it can. Everything else goes on.</summary>
    public bool IsApplyPaused { get; set; }

    /// <summary>Set to false while this node should not lead (its disk is full or hangs, it stops): leaders learn it from every answer, and no transfer is taken. It may still be elected where nobody else can be.</summary>
    public bool AcceptsLeadership
    {
        get => _core.AcceptsLeadership;
        set => _core.AcceptsLeadership = value;
    }

    /// <summary>Set once the node is about to stop: it stands for no election any more, which would only be followed by another.</summary>
    public bool IsStopping
    {
        get => _core.IsStopping;
        set => _core.IsStopping = value;
    }

    /// <summary>Who is to take leadership over, 0 when no transfer is under way.</summary>
    public ulong TransferTarget => _core.Leadership?.TransferTarget ?? 0;

    // ---- inputs

    /// <summary>Takes a message. What it carries is copied, except a snapshot chunk's data, which must stay valid until the effects are taken.</summary>
    public void Step(Message message, long now)
    {
        _core.AdvanceTime(now);
        // Late answers to the announcement of silence do not break it.
        if (message is not HeartbeatAcknowledged { Quiesced: true })
            WakeRoles();
        _gate.Step(message);
    }

    /// <summary>Lets time pass. May be called more often than <see cref="NextDeadline"/> asks.</summary>
    public void Tick(long now)
    {
        _core.AdvanceTime(now);
        if (now < NextDeadline)
            return;
        if (_core.Leadership is { } leadership)
            leadership.Tick();
        else
            _core.Election.Campaign();
    }

    /// <summary>Appends a command (copied). <paramref name="timestamp"/> is raised to the last entry's if it is lower.</summary>
    public ProposeStatus Propose(ReadOnlySpan<byte> payload, long timestamp, long now, out ulong index)
    {
        index = 0;
        _core.AdvanceTime(now);
        return _core.Leadership?.Propose(payload, timestamp, out index) ?? ProposeStatus.NotLeader;
    }

    /// <summary>Appends a change of configuration, which governs at once. One at a time: refused until the one before is committed and, if joint, left again.</summary>
    public ProposeStatus ProposeConfiguration(ConfigurationChange change, long timestamp, long now, out ulong index)
    {
        index = 0;
        _core.AdvanceTime(now);
        return _core.Leadership?.ProposeConfiguration(change, timestamp, out index) ?? ProposeStatus.NotLeader;
    }

    /// <summary>
    /// Asks for a read index; answered by a <see cref="ReadState"/> with the same context (not 0), or refused. On a follower it is forwarded to the leader.
    /// Contexts must not be used again while an answer may be on its way, across restarts of this node too.
    /// </summary>
    public ReadIndexStatus ReadIndex(ulong context, long now)
    {
        Invariant.That(context != 0, "a read needs a context");
        _core.AdvanceTime(now);
        if (_core.Leadership is { } leadership)
            return leadership.ReadIndex(context, Self);
        WakeRoles();
        if (_core.LeaderId == 0)
            return ReadIndexStatus.NotReady;
        _core.SendInTerm(new ReadIndexRequest { From = Self, To = _core.LeaderId, Term = Term, Context = context });
        return ReadIndexStatus.Pending;
    }

    /// <summary>Begins to transfer leadership; proposals and lease reads stop until it succeeds or an election timeout has passed. False when not leader or not a voter.</summary>
    public bool TransferLeadership(ulong target, long now)
    {
        _core.AdvanceTime(now);
        return _core.Leadership?.Transfer(target) ?? false;
    }

    /// <summary>The connection to a node is up. Until told otherwise, every node counts as connected.</summary>
    public void PeerConnected(ulong peer, long now)
    {
        _core.AdvanceTime(now);
        _core.SetConnected(peer, true);
        if (peer == _core.Timer.LostLeader)
            _core.Timer.LeaderFound();
        _core.Leadership?.OnPeerConnected(peer);
    }

    /// <summary>The connection to a node broke: if it is the leader, campaign as soon as promises allow.</summary>
    public void PeerDisconnected(ulong peer, long now)
    {
        _core.AdvanceTime(now);
        _core.SetConnected(peer, false);
        if (_core.Leadership is { } leadership)
        {
            leadership.OnPeerDisconnected(peer);
            return;
        }

        if (peer != _core.Follower.HeardFrom || (_core.LeaderId != 0 && _core.LeaderId != peer))
            return;
        _core.Follower.Wake();
        _core.Timer.LeaderLost(peer, Math.Max(now, _core.Promise.Until));
    }

    /// <summary>All writes of the effects that carried this token, and of those before it, are durable.</summary>
    public void WritesDurable(StorageToken token, long now)
    {
        _core.AdvanceTime(now);
        _core.Log.Disk.Confirm(token);
        if (_core.Leadership is { } leadership)
            leadership.OnDurable();
        else
            _core.Election.OnDurable();
    }

    /// <summary>The state machine has applied up to this index (at most what was handed out as committed).</summary>
    public void Applied(ulong index) => _core.Log.AppliedTo(index);

    /// <summary>The state machine could not apply what comes next: what was handed out behind <see cref="AppliedIndex"/> will be handed out again, once <see cref="IsApplyPaused"/> is false.</summary>
    public void TakeBackCommitted() => _core.Log.TakeBack();

    /// <summary>Gives memory back while <see cref="IsApplyPaused"/>, when the last effects are carried out: what is committed and durable is read from storage when it is applied at last.</summary>
    public void Relieve() => _core.Log.Relieve();

    /// <summary>Reads committed and durable entries without handing them out, until their payloads exceed <paramref name="maxBytes"/>; none if there are none. They are valid until the next input.</summary>
    public void ReadCommitted(ulong first, long maxBytes, List<LogEntry> into) => _core.Log.ReadCommitted(first, maxBytes, into);

    /// <summary>The log up to this index (at most applied) is no longer needed: forget it. Its durable copy may be dropped by the caller once no read can ask for it.</summary>
    public void Compact(ulong index) => _core.Log.Compact(index);

    /// <summary>
    /// Asks, once an image is complete and before anything of this replica is touched, whether it may replace state and log. While true was answered and not yet followed by
    /// <see cref="SnapshotInstalled"/> or <see cref="AbortSnapshotInstall"/>, the core takes no entries and starts no election. False: the log has come to hold what the image
    /// covers, and more of it may have been acknowledged since, or another image is being installed; this one must be thrown away.
    /// </summary>
    public bool BeginSnapshotInstall(ulong index, ulong term, long now)
    {
        _core.AdvanceTime(now);
        if (index <= CommitIndex || _core.Log.Matches(index, term))
        {
            Sometimes.Reached(Sometimes.ImageOvertakenByLog);
            return false;
        }

        if (_core.Role != RaftRole.Follower || _core.Follower.IsInstallingSnapshot)
            return false;
        _core.Follower.IsInstallingSnapshot = true;
        return true;
    }

    /// <summary>The image will not be installed after all; nothing was touched.</summary>
    public void AbortSnapshotInstall() => _core.Follower.IsInstallingSnapshot = false;

    /// <summary>A received image is installed and durable, and the durable log was reset to start after it; the core resets its log and tells the leader.</summary>
    public void SnapshotInstalled(ulong index, ulong term, Configuration configuration, long now)
    {
        _core.AdvanceTime(now);
        Invariant.That(_core.Leadership is null, "a leader's state cannot be replaced");
        _core.Follower.OnSnapshotInstalled(index, term, configuration);
    }

    /// <summary>The leader's runtime gave up sending an image to a follower (its connection broke, say), or has finished; probing resumes.</summary>
    public void SnapshotEnded(ulong peer, long now)
    {
        _core.AdvanceTime(now);
        _core.Leadership?.OnSnapshotEnded(peer);
    }

    /// <summary>Whether leadership is being transferred.</summary>
    public bool IsTransferring => _core.Leadership?.IsTransferring ?? false;

    /// <summary>Whether a follower would lead, as it said last; null when it has said nothing in this term, is no member, or this node does not lead.</summary>
    public bool? AcceptsLeadershipOf(ulong peer) => _core.Leadership?.AcceptsLeadership(peer);

    /// <summary>How far a follower's log is known to hold this leader's, durably; 0 when nothing is known, or this node does not lead.</summary>
    public ulong MatchOf(ulong peer) => _core.Leadership?.MatchOf(peer) ?? 0;

    /// <summary>Whether this node leads and an image of this index would bring the follower further: entries that it lacks are gone, and it has not come to hold as much otherwise.</summary>
    public bool AwaitsSnapshot(ulong peer, ulong index) => _core.Leadership?.AwaitsSnapshot(peer, index) ?? false;

    /// <summary>Wakes a quiescent group.</summary>
    public void Wake(long now)
    {
        _core.AdvanceTime(now);
        WakeRoles();
    }

    /// <summary>Starts an election at once (tests, and the first start of a group to spread leaders); still with a pre-vote, and not before this node's own promise has run out.</summary>
    public void Campaign(long now)
    {
        _core.AdvanceTime(now);
        WakeRoles();
        _core.Timer.CampaignAt(now);
        _core.Election.Campaign();
    }

    // ---- effects

    /// <summary>Whether <see cref="TakeEffects"/> would bring anything.</summary>
    public bool HasEffects =>
        !_core.Out.IsEmpty || _core.Log.Written < LastIndex || (_core.Log.HasCommitted && !IsApplyPaused) || _writtenState != HardState || _core.Leadership is { HasWork: true };

    /// <summary>Whether committed and durable entries are left over because the last effects had as many as they may.</summary>
    public bool HasMoreCommitted => _core.Log.HasCommitted;

    /// <summary>Clears <paramref name="effects"/>, then moves what has to be done into it.</summary>
    public void TakeEffects(RaftEffects effects)
    {
        effects.Clear();
        _core.Out.ReclaimLists();
        _core.Leadership?.Flush();
        if (_writtenState != HardState)
            effects.HardState = _writtenState = HardState;
        _core.Log.TakeUnwritten(effects.Entries);
        if (effects.HardState is not null || effects.Entries.Count > 0 || _core.Out.AwaitsDurability)
            effects.Token = _core.Log.Disk.Begin(LastIndex, _core.Log.LastTerm, _core.Term, _core.Vote);
        _core.Out.MoveTo(effects);
        if (!IsApplyPaused)
            _core.Log.TakeCommitted(effects.Committed, _core.Options.MaxCommittedBytes);
    }

    private (ulong Term, ulong Vote) HardState => (_core.Term, _core.Vote);

    private void WakeRoles()
    {
        if (_core.Leadership is { IsQuiescent: true } leadership)
            leadership.Wake();
        _core.Follower.Wake();
    }
}
