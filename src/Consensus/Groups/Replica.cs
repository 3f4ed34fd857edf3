using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Commands;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// This node's replica of one group: carries out what the Raft core asks for, applies what is committed, and serves this node's callers. Owned by its shard's thread.
/// </summary>
/// <remarks>
/// Invariant: the state machine applies each entry once, in order, and only when it is committed and durable on this node.
/// Invariant: a caller is answered only from what was applied.
/// </remarks>
internal sealed class Replica
{
    /// <summary>Whoever forwarded a read has asked again long before.</summary>
    private const long PeerReadDeadline = 2_000_000_000;

    /// <summary>Reads of peers' callers that wait here at once; beyond it they are refused, and asked again.</summary>
    private const int MaxPeerReads = 1024;

    private readonly Shard _shard;
    private readonly Proposals _proposals = new();
    private readonly ForwardedRequests _forwards = new();
    private readonly SnapshotSender _snapshotSender;
    private readonly SnapshotReceiver _snapshotReceiver;
    private readonly ExpiryProposer _expiry;
    private readonly LogRetention _retention;
    private readonly LogClock _clock;
    private readonly Action _goOn;
    private readonly ApplyLag _lag = new();
    private ulong _knownLeader;
    private ApplyHalt? _halt;
    private ulong _toBeSkipped;
    private ulong _leadersLastIndex;

    public Replica(Shard shard, uint group, StateMachine machine, RaftNode core)
    {
        _shard = shard;
        Group = group;
        Machine = machine;
        Core = core;
        View = new GroupView(group, machine);
        Writes = new ClientWrites(this);
        Reads = new ClientReads(this, new DiskReads(machine, shard));
        _snapshotSender = new SnapshotSender(this, shard);
        _snapshotReceiver = new SnapshotReceiver(this, shard);
        _expiry = new ExpiryProposer(this);
        _clock = new LogClock(Configuration.Raft.DriftPerMille);
        _retention = new LogRetention(Configuration.RetainedLogBytes);
        _goOn = () => shard.Touch(this);
    }

    public uint Group { get; }

    public RaftNode Core { get; }

    public StateMachine Machine { get; }

    public GroupView View { get; }

    public ClientWrites Writes { get; }

    public ClientReads Reads { get; }

    /// <summary>Reads of peers' callers that are not answered yet.</summary>
    public int PeerReads { get; set; }

    public NodeConfiguration Configuration => _shard.Configuration;

    public Outbox Outbox => _shard.Outbox;

    /// <summary>Whether the shard already has it on its list for this turn.</summary>
    public bool IsTouched { get; set; }

    /// <summary>Why nothing new is applied for now, or null: what is committed does not become durable here, or the store takes nothing. The same keeps a leader from proposing.</summary>
    public string? ReasonNotToApply => RefusalOfProposals;

    /// <summary>Why writes are refused at the moment, or null.</summary>
    public string? RefusalOfWrites => _halt?.Reason ?? _shard.RefusalOfWrites;

    /// <summary>Set while an entry that cannot be applied keeps this replica from going on.</summary>
    public ApplyHalt? Halt => _halt;

    /// <inheritdoc cref="Shard.RefusalOfProposals"/>
    public string? RefusalOfProposals => _halt?.Reason ?? _shard.RefusalOfProposals;

    /// <summary>Why a command is refused at the moment, or null.</summary>
    public string? RefusalOf(ReadOnlySpan<byte> command) => IsSkip(command) ? null : _halt?.Reason ?? _shard.RefusalOf(command);

    /// <summary>The same for proposing it.</summary>
    public string? RefusalOfProposal(ReadOnlySpan<byte> command) => IsSkip(command) ? null : _halt?.Reason ?? _shard.RefusalOfProposal(command);

    /// <summary>Whether a command waits for space in the store.</summary>
    public bool MustWait(ReadOnlySpan<byte> command) => !IsSkip(command) && _shard.Space.MustWait(command);

    /// <summary>Whether the store is short of space.</summary>
    public bool IsStoreShort => _shard.Space.IsShort;

    /// <summary>Time of this turn.</summary>
    public long Now => _shard.Now;

    public bool IsConnected(ulong peer) => _shard.IsConnected(peer);

    /// <summary>The time of the group's log as this node knows it, milliseconds since the Unix epoch: what the next entry is stamped with, if it leads. 0 if it knows nothing.</summary>
    public long LogTime => _clock.Time(_shard.Now);

    /// <summary>See <see cref="LogClock.BeganIn"/>.</summary>
    public ulong LogTimeBeganIn => _clock.BeganIn;

    /// <summary>When this replica wants to be looked at next, monotonic nanoseconds.</summary>
    public long NextDeadline => Math.Min(Core.NextDeadline, _halt is null ? _expiry.NextDeadline(_shard.Now) : long.MaxValue);

    /// <summary>A local read is linearizable now: the lease holds and everything that may have been shown elsewhere is applied here.</summary>
    public bool MayServeUnderLease(long now) => Core.LeaseUntil > now && Machine.Applied.Index >= Core.CommitIndex;

    /// <summary>Whether the shard has answered as many reads as one turn may.</summary>
    public bool HasServedEnough => _shard.HasServedEnough;

    public void OnServed(int commandBytes, int resultBytes) => _shard.OnServed(commandBytes, resultBytes);

    public void Accept(Operation operation)
    {
        if (_halt is { } halt && operation.Kind != OperationKind.Write)
        {
            operation.Complete(OperationStatus.Unavailable, halt.Reason);
            return;
        }

        switch (operation.Kind)
        {
            case OperationKind.Write:
                Writes.Accept(operation);
                break;
            case OperationKind.Read:
                Reads.Accept(operation);
                break;
            default:
                Reads.Serve(operation);
                break;
        }
    }

    /// <summary>A peer's caller wrote; this node should lead.</summary>
    public void OnForwarded(ulong peer, ulong request, ReadOnlySpan<byte> command)
    {
        if (!_forwards.IsNew(peer, request))
            return;
        if (command.Length >= CommandEnvelope.Size && CommandEnvelope.IsReadOnly(command))
        {
            OnForwardedRead(peer, request, command);
            return;
        }

        if (IsRefusedSkip(command))
        {
            SkipEntryCommand.WriteRefusal(_shard.ResultBuffer);
            Outbox.AddAnswer(peer, Group, request, ForwardAnswer.Done, _shard.ResultBuffer.Span);
            return;
        }

        if (MustWait(command) || RefusalOfProposal(command) is not null || command.Length < CommandEnvelope.Size || command.Length > Outbox.LargestCommand
            || !TryPropose(command, new Proposal(0, 0, null, 0, peer, request)))
            Outbox.AddAnswer(peer, Group, request, ForwardAnswer.NotTaken, []);
    }

    /// <summary>Whether a command is an operator's skip of an entry at which this leader has not halted: nothing must come of it, for replicas that applied the entry could not follow.</summary>
    public bool IsRefusedSkip(ReadOnlySpan<byte> command) =>
        Core.Role == RaftRole.Leader && SkipEntryCommand.TryReadCommand(command, out var index) && !(_halt is { CanBeSkipped: true } halt && halt.Index == index);

    /// <summary>A leader answered what this node forwarded.</summary>
    public void OnForwardAnswer(ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        if (!Reads.OnAnswer(request, answer, result))
            Writes.OnAnswer(request, answer, result);
    }

    /// <summary>The operator's way out of an entry that cannot be applied is never refused for what it is to mend.</summary>
    private static bool IsSkip(ReadOnlySpan<byte> command) => SkipEntryCommand.TryReadCommand(command, out _);

    /// <summary>Proposes a command; false when the core does not take it now.</summary>
    public bool TryPropose(ReadOnlySpan<byte> command, Proposal proposal)
    {
        DropProposalsOfOtherTerms();
        if (!KnowsTime() || Core.Propose(command, LogTime, _shard.Now, out var index) != ProposeStatus.Accepted)
            return false;
        _proposals.Add(proposal with { Index = index, Term = Core.Term });
        return true;
    }

    public void OnMessage(Message message)
    {
        if (message is VoteResponse { Granted: true } vote && vote.Term == Core.Term && Core.Role == RaftRole.Candidate)
        {
            // Before the step, which may make this node the leader and append its first entry.
            _clock.TakeFromVoter(vote.LogTimeTerm, vote.LogTime, Core.LastTerm, _shard.Now);
            if (_clock.IsSet)
                ShowTime();
        }

        Core.Step(message, _shard.Now);
        if (message is Heartbeat beat && beat.From == Core.Leader)
            _leadersLastIndex = beat.LastIndex;
        if (message.Term != Core.Term || Core.Role is not (RaftRole.Follower or RaftRole.Learner))
            return;
        if (message is Heartbeat heartbeat)
            ObserveTime(heartbeat.LogTime);
        // What another leader stamped says nothing of this one's clock, nor does what a leader appends before it knows the time: no command is among that.
        else if (message is AppendEntries { Entries: { Count: > 0 } entries })
            ObserveTime(LastStamp(entries, message.Term));
    }

    public void OnPeerConnected(ulong peer)
    {
        _halt?.OnPeerConnected(peer);
        _forwards.OnPeerConnected(peer);
        Core.PeerConnected(peer, _shard.Now);
        _snapshotSender.OnPeerConnected(peer);
    }

    public void OnPeerDisconnected(ulong peer)
    {
        Core.PeerDisconnected(peer, _shard.Now);
        Writes.ReturnUnlessWith(Core.Leader == peer ? 0 : Core.Leader);
        Reads.ReturnUnlessWith(Core.Leader == peer ? 0 : Core.Leader);
    }

    public void Tick(long now)
    {
        if (View.TakeWasRead() && Core.Role == RaftRole.Leader)
            Core.Wake(now);
        if (Core.NextDeadline <= now)
            Core.Tick(now);
        if (KnowsTime())
        {
            _clock.Follow(_shard.WallClocks.Reference, _shard.WallClocks.AllKnown, now, Configuration.Raft.ElectionTimeout);
            if (_halt is null)
                _expiry.ProposeIfDue(now);
        }

        _snapshotSender.Tick(now);
    }

    /// <summary>Ends requests that are past their deadline, and gives waiting ones another try.</summary>
    public void Sweep(long now)
    {
        Writes.Expire(now);
        Reads.Expire(now);
    }

    /// <summary>
    /// Carries out what the core wants done, until it wants nothing more in this turn. A backlog of committed entries, as after a restart, is applied over many turns: in one it would take
    /// seconds in which no heartbeat is sent and none is heard, and leadership would go from one node that is busy applying to the next.
    /// </summary>
    public void Process(RaftEffects effects)
    {
        Writes.Place();
        Reads.Ask(_shard.Now);
        while (Core.HasEffects)
        {
            Core.TakeEffects(effects);
            // First: what is applied below may stand at indices that this node had proposed something else for, in a term that is over.
            if (effects.LeadershipChanged)
                OnLeadershipChanged();
            Send(effects);
            Persist(effects);
            Apply(effects);
            foreach (var chunk in effects.SnapshotChunks)
                _snapshotReceiver.OnChunk(chunk);
            foreach (var answer in effects.SnapshotAnswers)
                _snapshotSender.OnAnswer(answer);
            foreach (var peer in effects.SnapshotsToSend)
                _snapshotSender.Begin(peer);
            foreach (var state in effects.ReadStates)
                Reads.OnReadState(state.Context, state.Index);
            // Not the state's own position: an image that was installed meanwhile has brought that further, and the core hears of images apart.
            if (effects.Committed.Count > 0)
                Core.Applied(_halt is { } halt ? Math.Max(halt.Index - 1, Core.AppliedIndex) : effects.Committed[^1].Index);
            Writes.Place();
            if (Core.HasMoreCommitted && _shard.HasAppliedEnough)
            {
                _shard.Inbox.Post(_goOn);
                break;
            }
        }

        if (Core.IsApplyPaused)
            StandStill();
        if (Reads.Any)
        {
            Reads.ServeApplied(_shard.Now);
            Reads.Ask(_shard.Now);
            if (Reads.Any && _shard.HasServedEnough)
                _shard.Inbox.Post(_goOn);
        }

        Publish();
    }

    /// <summary>A checkpoint holds this group up to the position: the log may shrink behind it.</summary>
    public void OnCheckpoint(AppliedPosition position)
    {
        _snapshotReceiver.OnCheckpoint(position);
        var index = Math.Min(position.Index, _retention.OldestRetained);
        // Nothing to cut, or the log is about to be replaced anyway.
        if (_snapshotReceiver.IsInstalling || index < Core.FirstIndex)
            return;
        var term = Core.TermOf(index);
        Core.Compact(index);
        _shard.Batch.Wal.SetStart(Group, index, term);
    }

    /// <summary>The runtime has installed an image durably: the core and the callers go on from there.</summary>
    public void OnSnapshotInstalled(ulong index, ulong term, Configuration configuration)
    {
        Core.SnapshotInstalled(index, term, configuration, _shard.Now);
        _shard.Touch(this);
    }

    public void EndAll(string reason)
    {
        DropProposals();
        Writes.EndAll(reason);
        Reads.EndAll(reason);
        _snapshotSender.Close();
        _snapshotReceiver.Abandon();
    }

    public void Publish()
    {
        var applied = Machine.Applied;
        var lease = MayServeUnderLease(_shard.Now) ? Core.LeaseUntil : long.MinValue;
        View.Publish(Core.Leader, Core.Term, Core.CommitIndex, applied.Index, lease, _clock.Origin, _halt);
        _lag.Note(Math.Max(Core.LastIndex, _leadersLastIndex), applied.Index, _shard.Now);
        View.PublishProgress(Core.Leader == Core.Self || (Core.Leader != 0 && IsConnected(Core.Leader)), _lag.BehindSince);
        // Should it be elected, the no-op says what time it is, and nobody reads before that is committed: what has expired while no node ran is not seen again.
        if (Core.Role == RaftRole.Candidate && !_clock.IsSet && _shard.WallClocks.AllKnown)
            Core.LogOrigin = _shard.WallClocks.Reference;
    }

    private void ObserveTime(long time)
    {
        _clock.Observe(Core.Term, time, _shard.Now);
        ShowTime();
    }

    /// <summary>The time of the last command among entries that a leader of this term stamped; 0 if there is none.</summary>
    private static long LastStamp(IReadOnlyList<LogEntry> entries, ulong term)
    {
        for (var i = entries.Count - 1; i >= 0 && entries[i].Term == term; i--)
        {
            if (entries[i].Kind == EntryKind.Command)
                return entries[i].Timestamp;
        }

        return 0;
    }

    private void ShowTime()
    {
        Core.LogOrigin = _clock.Origin;
        Core.LogTimeTerm = _clock.IsSet ? _clock.Term : 0;
    }

    /// <summary>Whether this node leads and knows the time of the log. Just after a start it may not: then it waits for the wall clocks, for two election timeouts at most.</summary>
    private bool KnowsTime()
    {
        if (Core.Role != RaftRole.Leader)
            return false;
        if (!_clock.Leads || _clock.Term != Core.Term)
            _clock.Lead(Core.Term, Core.LastTimestamp, _shard.Now);
        if (!_clock.IsSet)
            _clock.Follow(_shard.WallClocks.Reference, _shard.WallClocks.AllKnown, _shard.Now, Configuration.Raft.ElectionTimeout);
        ShowTime();
        return _clock.IsSet;
    }

    private void Send(RaftEffects effects)
    {
        foreach (var message in effects.Messages)
            Outbox.Add(Group, message);
    }

    private void Persist(RaftEffects effects)
    {
        var wal = _shard.Batch.Wal;
        if (effects.HardState is { } state)
            wal.SetHardState(Group, state.Term, state.Vote);
        foreach (var entry in effects.Entries)
            wal.AppendEntry(Group, entry.Index, entry.Term, (byte)entry.Kind, entry.Timestamp, entry.Payload.Span);
        if (effects.Token is { } token)
            _shard.Batch.Defer(this, token, effects.MessagesAfterDurable);
    }

    private void Apply(RaftEffects effects)
    {
        foreach (var entry in effects.Committed)
        {
            if (_halt is not null)
                return;
            // An image that was installed meanwhile contains it already.
            if (entry.Index <= Machine.Applied.Index)
                continue;
            Invariant.That(entry.Index == Machine.Applied.Index + 1, $"group {Group}: entry {entry.Index} would be applied after {Machine.Applied.Index}");
            Apply(entry);
        }
    }

    private void Apply(in LogEntry entry)
    {
        var result = _shard.ResultBuffer;
        try
        {
            Apply(entry, result);
        }
        catch (Exception e) when (e is ApplyDefectException || StateMachine.IsDefect(e))
        {
            OnDefect(entry, e);
            return;
        }

        _retention.OnApplied(entry.Index, entry.Payload.Length);
        _shard.OnApplied(entry.Payload.Length, entry.Kind == EntryKind.Command ? result.Length : 0);
        if (!_proposals.TryTake(entry.Index, entry.Term, out var proposal))
            return;
        if (proposal.Local is not null)
            Writes.OnApplied(proposal.Local, proposal.Generation, result);
        else if (proposal.Peer != 0)
            Outbox.AddAnswer(proposal.Peer, Group, proposal.Request, ForwardAnswer.Done, result.Span);
        else
            _expiry.OnApplied();
    }

    private void Apply(in LogEntry entry, PooledBuffer result)
    {
        var position = new AppliedPosition(entry.Index, entry.Term, 0);
        switch (entry.Kind)
        {
            case EntryKind.Command when entry.Index == _toBeSkipped:
                Machine.ApplySkipped(position, entry.Timestamp, result);
                break;
            case EntryKind.Command:
                Machine.Apply(position, entry.Timestamp, entry.Payload.Span, result);
                break;
            case EntryKind.Configuration:
                // Kept in the state so that images and restarts know the configuration of their position.
                GroupConfigurationRecord.Write(Machine.State, entry.Index, entry.Payload.Span);
                Machine.ApplyEmpty(position, entry.Timestamp);
                break;
            default:
                Machine.ApplyEmpty(position, entry.Timestamp);
                break;
        }
    }

    /// <summary>Whatever is wrong with the entry, it ends neither the shard nor the node: this group waits for a way past it, and the others go on.</summary>
    private void OnDefect(in LogEntry entry, Exception defect)
    {
        Sometimes.Reached(Sometimes.ApplyHalted);
        _halt = new ApplyHalt(Group, entry, defect);
        Core.IsApplyPaused = true;
        UpdateAcceptsLeadership();
        _shard.OnHalted(this, _halt, (defect as ApplyDefectException)?.InnerException ?? defect);
        Writes.EndAll(_halt.Reason);
        Reads.EndAll(_halt.Reason);
    }

    /// <summary>Nothing is applied for now: memory is given back, and a halted replica looks for its way on.</summary>
    private void StandStill()
    {
        Core.TakeBackCommitted();
        Core.Relieve();
        if (_halt is not { } halt)
            return;
        // A state that could not be taken back begins again where the last checkpoint stands when the process is started anew, and finds the skip then.
        if (!halt.IsTainted && halt.FindsSkip(Core))
        {
            _toBeSkipped = halt.Index;
            Resume();
            return;
        }

        if (!halt.IsTainted && halt.HasMoreToLookAt(Core))
            _shard.Inbox.Post(_goOn);
        halt.OfferLeadership(Core, IsConnected, _shard.Now);
    }

    public void OnQueryDefect(Exception defect) => _shard.OnQueryDefect(Group, defect);

    /// <summary>The state was replaced by a snapshot's, which stands behind whatever this replica could not apply.</summary>
    public void OnStateReplaced()
    {
        if (_halt is not null)
            Resume();
    }

    public void OnStoreFull(bool full)
    {
        Core.IsApplyPaused = full || _halt is not null;
        _shard.Touch(this);
    }

    /// <summary>Whether this node may lead has changed: leaders are told with the next acknowledgement.</summary>
    public void UpdateAcceptsLeadership() => Core.AcceptsLeadership = _shard.MayLead && _halt is null;

    private void Resume()
    {
        _shard.OnResumed(this, _halt!);
        _halt = null;
        UpdateAcceptsLeadership();
        Core.IsApplyPaused = _shard.IsStoreFull;
        _shard.Touch(this);
    }

    // Only a leader that gets on itself: two that do not would send a read to and fro.
    private void OnForwardedRead(ulong peer, ulong request, ReadOnlySpan<byte> command)
    {
        if (Core.Role != RaftRole.Leader || ReasonNotToApply is not null || PeerReads >= MaxPeerReads)
            Outbox.AddAnswer(peer, Group, request, ForwardAnswer.NotTaken, []);
        else
            Reads.Accept(new PeerRead(_shard, this, peer, request, command) { Deadline = Now + PeerReadDeadline });
    }

    private void OnLeadershipChanged()
    {
        DropProposalsOfOtherTerms();
        KnowsTime();
        if (Core.Leader != _knownLeader)
        {
            _shard.Leadership.OnChanged(Group, Core.Leader, Core.Term, _knownLeader == Core.Self || IsConnected(_knownLeader), _shard.Now);
            _knownLeader = Core.Leader;
            _leadersLastIndex = 0;
            _lag.Forget();
            Writes.ReturnUnlessWith(_knownLeader);
            Reads.ReturnUnlessWith(_knownLeader);
        }

        _snapshotSender.OnLeadershipChanged();
    }

    private void DropProposalsOfOtherTerms()
    {
        if (_proposals.Count > 0 && (Core.Role != RaftRole.Leader || _proposals.Term != Core.Term))
            DropProposals();
    }

    private void LoseExpiry()
    {
        Sometimes.Reached(Sometimes.ExpiryLost);
        _expiry.OnApplied();
    }

    private void DropProposals()
    {
        while (_proposals.TryTakeAny(out var proposal))
        {
            if (proposal.Local is not null)
                Writes.OnProposalLost(proposal.Local, proposal.Generation);
            else if (proposal.Peer != 0)
                Outbox.AddAnswer(proposal.Peer, Group, proposal.Request, ForwardAnswer.Lost, []);
            else
                LoseExpiry();
        }
    }
}
