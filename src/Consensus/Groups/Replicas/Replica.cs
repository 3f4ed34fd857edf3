using RaftKv.Consensus.Groups.Requests;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// This node's replica of one group: carries out what the Raft core asks for, and ties together who applies what is committed, who proposes, and who serves this node's callers. Owned by its shard's thread.
/// </summary>
/// <remarks>
/// Invariant: a caller is answered only from what was applied.
/// </remarks>
internal sealed class Replica
{
    private readonly IReplicaContext _context;
    private readonly EntryApplier _applier;
    private readonly SnapshotSender _snapshotSender;
    private readonly SnapshotReceiver _snapshotReceiver;
    private readonly ExpiryProposer _expiry;
    private readonly ApplyLag _lag = new();
    private readonly Action _goOn;
    private ulong _knownLeader;
    private ulong _leadersLastIndex;

    public Replica(IReplicaContext context, uint group, StateMachine machine, RaftNode core)
    {
        _context = context;
        Group = group;
        Machine = machine;
        Core = core;
        View = new GroupView(group, machine);
        Time = new ReplicaTime(core, context);
        Writes = new ClientWrites(this);
        Reads = new ClientReads(this, new DiskReads(machine, context));
        PeerRequests = new PeerRequests(this, context);
        _applier = new EntryApplier(this, context);
        _snapshotSender = new SnapshotSender(this, context);
        _snapshotReceiver = new SnapshotReceiver(this, context);
        _expiry = new ExpiryProposer(this);
        _goOn = () => context.Touch(this);
    }

    public uint Group { get; }

    public RaftNode Core { get; }

    public StateMachine Machine { get; }

    /// <summary>What other threads may know.</summary>
    public GroupView View { get; }

    /// <summary>The time of the group's log.</summary>
    public ReplicaTime Time { get; }

    /// <summary>What this node proposed as leader, and who waits for it.</summary>
    public Proposals Proposals { get; } = new();

    /// <summary>Writes of this node's callers.</summary>
    public ClientWrites Writes { get; }

    /// <summary>Reads of this node's callers, and those of peers' that it serves.</summary>
    public ClientReads Reads { get; }

    /// <summary>What peers forward to this node.</summary>
    public PeerRequests PeerRequests { get; }

    public NodeConfiguration Configuration => _context.Configuration;

    public PeerOutbox Outbox => _context.Outbox;

    /// <summary>Whether the shard already has it on its list for this turn.</summary>
    public bool IsTouched { get; set; }

    /// <summary>The group has left its shard: what was under way for it comes to nothing.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Set while an entry that cannot be applied keeps this replica from going on.</summary>
    public ApplyHalt? Halt => _applier.Halt;

    /// <summary>Why nothing new is applied for now, or null: what is committed does not become durable here, or the store takes nothing. The same keeps a leader from proposing.</summary>
    public string? ReasonNotToApply => RefusalOfProposals;

    /// <summary>Why writes are refused at the moment, or null.</summary>
    public string? RefusalOfWrites => Halt?.Reason ?? _context.Health.RefusalOfWrites;

    /// <inheritdoc cref="DiskHealth.RefusalOfProposals"/>
    public string? RefusalOfProposals => Halt?.Reason ?? _context.Health.RefusalOfProposals;

    /// <summary>Whether the store is short of space.</summary>
    public bool IsStoreShort => _context.Health.IsStoreShort;

    /// <summary>Time of this turn.</summary>
    public long Now => _context.Now;

    /// <summary>Whether the shard has answered as many reads as one turn may.</summary>
    public bool HasServedEnough => _context.Budget.HasServedEnough;

    /// <summary>When this replica wants to be looked at next, monotonic nanoseconds.</summary>
    public long NextDeadline => Math.Min(Core.NextDeadline, Halt is null ? _expiry.NextDeadline(_context.Now) : long.MaxValue);

    public bool IsConnected(ulong peer) => _context.IsConnected(peer);

    /// <summary>Why a command is refused at the moment, or null. The operator's way out of an entry that cannot be applied is never refused for what it is to mend.</summary>
    public string? RefusalOf(ReadOnlySpan<byte> command) => IsSkip(command) ? null : Halt?.Reason ?? _context.Health.RefusalOf(command);

    /// <summary>The same for proposing it.</summary>
    public string? RefusalOfProposal(ReadOnlySpan<byte> command) => IsSkip(command) ? null : Halt?.Reason ?? _context.Health.RefusalOfProposal(command);

    /// <summary>Whether a command waits for space in the store.</summary>
    public bool MustWait(ReadOnlySpan<byte> command) => !IsSkip(command) && _context.Health.MustWait(command);

    /// <summary>Whether a command is an operator's skip of an entry at which this leader has not halted: nothing must come of it, for replicas that applied the entry could not follow.</summary>
    public bool IsRefusedSkip(ReadOnlySpan<byte> command) =>
        Core.Role == RaftRole.Leader && SkipEntryCommand.TryReadCommand(command, out var index) && !(Halt is { CanBeSkipped: true } halt && halt.Index == index);

    /// <summary>A local read is linearizable now: the lease holds and everything that may have been shown elsewhere is applied here.</summary>
    public bool MayServeUnderLease(long now) => Core.LeaseUntil > now && Machine.Applied.Index >= Core.CommitIndex;

    public void OnServed(int commandBytes, int resultBytes) => _context.Budget.OnServed(commandBytes, resultBytes);

    public void OnQueryDefect(Exception defect) => _context.Defects.OnQuery(Group, defect);

    public void Accept(Operation operation)
    {
        if (Halt is { } halt && operation.Kind != OperationKind.Write)
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

    /// <summary>A leader answered what this node forwarded.</summary>
    public void OnForwardAnswer(ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        if (!Reads.OnAnswer(request, answer, result))
            Writes.OnAnswer(request, answer, result);
    }

    /// <summary>Proposes a command; false when the core does not take it now, and then the proposer hears nothing more of it.</summary>
    public bool TryPropose(ReadOnlySpan<byte> command, IProposer proposer, in ProposalTag tag)
    {
        DropProposalsOfOtherTerms();
        if (!Time.IsKnownToLeader() || Core.Propose(command, Time.Now, _context.Now, out var index) != ProposeStatus.Accepted)
            return false;
        Proposals.Add(new Proposal(index, Core.Term, proposer, tag));
        return true;
    }

    public void OnMessage(Message message)
    {
        Time.BeforeStep(message);
        Core.Step(message, _context.Now);
        if (message is Heartbeat beat && beat.From == Core.Leader)
            _leadersLastIndex = beat.LastIndex;
        Time.AfterStep(message);
    }

    public void OnPeerConnected(ulong peer)
    {
        Halt?.OnPeerConnected(peer);
        PeerRequests.OnPeerConnected(peer);
        Core.PeerConnected(peer, _context.Now);
        _snapshotSender.OnPeerConnected(peer);
    }

    public void OnPeerDisconnected(ulong peer)
    {
        Core.PeerDisconnected(peer, _context.Now);
        Writes.ReturnUnlessWith(Core.Leader == peer ? 0 : Core.Leader);
        Reads.ReturnUnlessWith(Core.Leader == peer ? 0 : Core.Leader);
    }

    public void Tick(long now)
    {
        if (View.TakeWasRead() && Core.Role == RaftRole.Leader)
            Core.Wake(now);
        if (Core.NextDeadline <= now)
            Core.Tick(now);
        if (Time.IsKnownToLeader())
        {
            Time.Follow();
            if (Halt is null)
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
        Reads.Ask(_context.Now);
        while (Core.HasEffects)
        {
            Core.TakeEffects(effects);
            // First: what is applied below may stand at indices that this node had proposed something else for, in a term that is over.
            if (effects.LeadershipChanged)
                OnLeadershipChanged();
            Send(effects);
            Persist(effects);
            _applier.Apply(effects);
            foreach (var chunk in effects.SnapshotChunks)
                _snapshotReceiver.OnChunk(chunk);
            foreach (var answer in effects.SnapshotAnswers)
                _snapshotSender.OnAnswer(answer);
            foreach (var peer in effects.SnapshotsToSend)
                _snapshotSender.Begin(peer);
            foreach (var state in effects.ReadStates)
                Reads.OnReadState(state.Context, state.Index);
            _applier.Confirm(effects);
            Writes.Place();
            if (Core.HasMoreCommitted && _context.Budget.HasAppliedEnough)
            {
                _context.Post(_goOn);
                break;
            }
        }

        if (Core.IsApplyPaused && _applier.StandStill())
            _context.Post(_goOn);
        ServeReads();
        Publish();
    }

    /// <summary>A checkpoint holds this group up to the position: the log may shrink behind it.</summary>
    public void OnCheckpoint(AppliedPosition position)
    {
        _snapshotReceiver.OnCheckpoint(position);
        var index = Math.Min(position.Index, _applier.OldestRetained);
        // Nothing to cut, or the log is about to be replaced anyway.
        if (_snapshotReceiver.IsInstalling || index < Core.FirstIndex)
            return;
        var term = Core.TermOf(index);
        Core.Compact(index);
        _context.Batch.Wal.SetStart(Group, index, term);
    }

    /// <summary>The state was replaced by that of a snapshot, which is not durable yet.</summary>
    public void OnStateReplaced() => _applier.OnStateReplaced();

    /// <summary>A snapshot was installed durably: the core and the callers go on from there.</summary>
    public void OnSnapshotInstalled(ulong index, ulong term, Configuration configuration)
    {
        Core.SnapshotInstalled(index, term, configuration, _context.Now);
        _context.Touch(this);
    }

    /// <summary>The store has become full, or takes writes again.</summary>
    public void OnStoreFull()
    {
        UpdateApplyPaused();
        _context.Touch(this);
    }

    /// <summary>The group has halted at an entry, or goes on.</summary>
    public void OnHaltChanged()
    {
        UpdateApplyPaused();
        UpdateAcceptsLeadership();
    }

    /// <summary>Whether this node may lead has changed: leaders are told with the next acknowledgement.</summary>
    public void UpdateAcceptsLeadership() => Core.AcceptsLeadership = _context.Health.MayLead && Halt is null;

    public void EndAll(string reason)
    {
        Proposals.LoseAll();
        Writes.EndAll(reason);
        Reads.EndAll(reason);
        _snapshotSender.Stop();
        _snapshotReceiver.Abandon();
    }

    public void Publish()
    {
        var applied = Machine.Applied;
        var lease = MayServeUnderLease(_context.Now) ? Core.LeaseUntil : long.MinValue;
        View.Publish(Core.Leader, Core.Term, Core.CommitIndex, applied.Index, lease, Time.Origin, Halt);
        _lag.Note(Math.Max(Core.LastIndex, _leadersLastIndex), applied.Index, _context.Now);
        View.PublishProgress(Core.Leader == Core.Self || (Core.Leader != 0 && IsConnected(Core.Leader)), _lag.BehindSince);
        Time.ProposeForElection();
    }

    private static bool IsSkip(ReadOnlySpan<byte> command) => SkipEntryCommand.TryReadCommand(command, out _);

    private void UpdateApplyPaused() => Core.IsApplyPaused = _context.Health.IsStoreFull || Halt is not null;

    private void Send(RaftEffects effects)
    {
        foreach (var message in effects.Messages)
            Outbox.Add(Group, message);
    }

    private void Persist(RaftEffects effects)
    {
        var wal = _context.Batch.Wal;
        if (effects.HardState is { } state)
            wal.SetHardState(Group, state.Term, state.Vote);
        foreach (var entry in effects.Entries)
            wal.AppendEntry(Group, entry.Index, entry.Term, (byte)entry.Kind, entry.Timestamp, entry.Payload.Span);
        if (effects.Token is { } token)
            _context.Batch.Defer(this, token, effects.MessagesAfterDurable);
    }

    private void ServeReads()
    {
        if (!Reads.Any)
            return;
        Reads.ServeApplied(_context.Now);
        Reads.Ask(_context.Now);
        if (Reads.Any && _context.Budget.HasServedEnough)
            _context.Post(_goOn);
    }

    private void OnLeadershipChanged()
    {
        DropProposalsOfOtherTerms();
        Time.IsKnownToLeader();
        if (Core.Leader != _knownLeader)
        {
            _context.Leadership.OnChanged(Group, Core.Leader, Core.Term, _knownLeader == Core.Self || IsConnected(_knownLeader), _context.Now);
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
        if (Proposals.Count > 0 && (Core.Role != RaftRole.Leader || Proposals.Term != Core.Term))
            Proposals.LoseAll();
    }
}
