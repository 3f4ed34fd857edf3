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
    private readonly Shard _shard;
    private readonly Proposals _proposals = new();
    private readonly ForwardedRequests _forwards = new();
    private readonly SnapshotSender _snapshotSender;
    private readonly SnapshotReceiver _snapshotReceiver;
    private readonly ExpiryProposer _expiry;
    private readonly LogRetention _retention;
    private readonly Action _goOn;
    private ulong _knownLeader;

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
        _retention = new LogRetention(Configuration.RetainedLogBytes);
        _goOn = () => shard.Touch(this);
    }

    public uint Group { get; }

    public RaftNode Core { get; }

    public StateMachine Machine { get; }

    public GroupView View { get; }

    public ClientWrites Writes { get; }

    public ClientReads Reads { get; }

    public NodeConfiguration Configuration => _shard.Configuration;

    public Outbox Outbox => _shard.Outbox;

    /// <summary>Whether the shard already has it on its list for this turn.</summary>
    public bool IsTouched { get; set; }

    /// <summary>Why writes are refused at the moment, or null.</summary>
    public string? RefusalOfWrites => _shard.RefusalOfWrites;

    /// <summary>Time of this turn.</summary>
    public long Now => _shard.Now;

    public bool IsConnected(ulong peer) => _shard.IsConnected(peer);

    /// <summary>When this replica wants to be looked at next, monotonic nanoseconds.</summary>
    public long NextDeadline => Math.Min(Core.NextDeadline, _expiry.NextDeadline(_shard.Now, _shard.UnixMilliseconds));

    /// <summary>A local read is linearizable now: the lease holds and everything that may have been shown elsewhere is applied here.</summary>
#if MUTANT_42 // lease reads although commit is ahead of what is applied
    public bool MayServeUnderLease(long now) => Core.LeaseUntil > now;
#else
    public bool MayServeUnderLease(long now) => Core.LeaseUntil > now && Machine.Applied.Index >= Core.CommitIndex;
#endif

    public void Accept(Operation operation)
    {
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
        if (RefusalOfWrites is not null || command.Length < CommandEnvelope.Size || command.Length > Outbox.LargestCommand || !TryPropose(command, new Proposal(0, 0, null, 0, peer, request)))
            Outbox.AddAnswer(peer, Group, request, ForwardAnswer.NotTaken, []);
#if MUTANT_39 // forwarded write answered before it is applied
        else if (CommandEnvelope.Kind(command) == CommandKind.Put)
            Outbox.AddAnswer(peer, Group, request, ForwardAnswer.Done, new byte[CommandResult.HeadSize]);
#endif
    }

    /// <summary>Proposes a command; false when the core does not take it now.</summary>
    public bool TryPropose(ReadOnlySpan<byte> command, Proposal proposal)
    {
        DropProposalsOfOtherTerms();
        if (Core.Propose(command, _shard.UnixMilliseconds, _shard.Now, out var index) != ProposeStatus.Accepted)
            return false;
        _proposals.Add(proposal with { Index = index, Term = Core.Term });
        return true;
    }

    public void OnMessage(Message message) => Core.Step(message, _shard.Now);

    public void OnPeerConnected(ulong peer)
    {
        _forwards.OnPeerConnected(peer);
        Core.PeerConnected(peer, _shard.Now);
        _snapshotSender.OnPeerConnected(peer);
    }

    public void OnPeerDisconnected(ulong peer)
    {
        Core.PeerDisconnected(peer, _shard.Now);
        Writes.ReturnUnlessWith(Core.Leader == peer ? 0 : Core.Leader);
    }

    public void Tick(long now)
    {
        if (View.TakeWasRead() && Core.Role == RaftRole.Leader)
            Core.Wake(now);
        if (Core.NextDeadline <= now)
            Core.Tick(now);
        _expiry.ProposeIfDue(now, _shard.UnixMilliseconds);
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
                Core.Applied(effects.Committed[^1].Index);
            Writes.Place();
            if (Core.HasMoreCommitted && _shard.HasAppliedEnough)
            {
                _shard.Inbox.Post(_goOn);
                break;
            }
        }

        if (Reads.Any)
        {
            Reads.ServeApplied(_shard.Now);
            Reads.Ask(_shard.Now);
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
        View.Publish(Core.Leader, Core.Term, Core.CommitIndex, applied.Index, lease);
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
            // An image that was installed meanwhile contains it already.
            if (entry.Index <= Machine.Applied.Index)
                continue;
            Invariant.That(entry.Index == Machine.Applied.Index + 1, $"group {Group}: entry {entry.Index} would be applied after {Machine.Applied.Index}");
            Apply(entry);
        }
    }

    private void Apply(in LogEntry entry)
    {
        var position = new AppliedPosition(entry.Index, entry.Term, 0);
        var result = _shard.ResultBuffer;
        switch (entry.Kind)
        {
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

    private void OnLeadershipChanged()
    {
        DropProposalsOfOtherTerms();
        if (Core.Leader != _knownLeader)
        {
            _knownLeader = Core.Leader;
            Writes.ReturnUnlessWith(_knownLeader);
        }

        _snapshotSender.OnLeadershipChanged();
    }

    private void DropProposalsOfOtherTerms()
    {
#if MUTANT_43 // proposals of an ended term wait on, and get the result of whatever is applied at their index
        if (_proposals.Count > 0 && Core.Role == RaftRole.Leader && _proposals.Term != Core.Term)
#else
        if (_proposals.Count > 0 && (Core.Role != RaftRole.Leader || _proposals.Term != Core.Term))
#endif
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
