using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Transport;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Engine.Wal;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// Owns some of a node's groups and moves them on, a <see cref="Turn"/> at a time, on one thread and without locks: takes what came in, steps every group it concerns,
/// gives the log one batch for all of them, sends each peer one frame for all of them. Reads no clock but the injected one, starts nothing by itself.
/// </summary>
/// <remarks>
/// Invariant: within a turn the views are published before any message leaves, so that no other node can show a write that a lease reader here would miss.
/// Invariant: batches reach the log in the order of the turns, and their deferred effects happen in the same order.
/// </remarks>
internal sealed partial class Shard : IWalCompletion
{
    /// <summary>Events taken in one turn: enough to batch well, few enough that nobody waits long for the log.</summary>
    private const int MaxEventsPerTurn = 4096;

    /// <summary>Entries applied in one turn, each of 4 KiB counting as one more: some tens of milliseconds, in which no heartbeat leaves.</summary>
    private const int MaxAppliedPerTurn = 2048;

    /// <summary>
    /// Reads served in one turn, each of 256 bytes asked or answered counting as one more: some tens of milliseconds, in which no heartbeat leaves. A page of keys is about 300, a value of
    /// full size is more than a turn's.
    /// </summary>
    private const int MaxServedPerTurn = 8192;

    private const long SweepInterval = 10_000_000;

    private const long CheckpointPollInterval = 2_000_000;

    private const long LogRetryInterval = 100_000_000;

    private const long StoreFullPollInterval = 50_000_000;

    private readonly IClock _clock;
    private readonly ILogger _logger;
    private readonly IShardHost _host;
    private readonly IStateStore _store;
    private readonly Dictionary<uint, Replica> _replicas = [];
    private readonly List<Replica> _ordered = [];
    private readonly List<Replica> _touched = [];
    private readonly List<PooledBuffer> _frames = [];
    private readonly HashSet<ulong> _connected = [];
    private readonly Stack<LogBatch> _spareBatches = new();
    private readonly RaftEffects _effects = new();
    private long _nextTick = long.MinValue;
    private int _appliedInTurn;
    private int _servedInTurn;
    private long _nextSweep = long.MaxValue;
    private readonly Queue<LogBatch> _inLog = new();
    private LogBatch? _lastInLog;
    private int _refusedBatches;
    private volatile string? _logRefusal;
    private volatile bool _logHangs;
    private long _lastTurn = long.MaxValue;
    private long _nextLogRetry = long.MaxValue;
    private readonly HashSet<int> _refusedOthers = [];
    private bool _stopping;
    private volatile bool _stopped;
    private string _stopReason = "the node stopped";

    public Shard(int number, NodeConfiguration configuration, Configuration initial, IClock clock, IStateStore store, ITransport transport, WallClocks wallClocks, IShardHost host, ILogger logger, Action? wake)
    {
        Number = number;
        Configuration = configuration;
        InitialConfiguration = initial;
        _clock = clock;
        _host = host;
        _store = store;
        _logger = logger;
        Inbox = new ShardInbox(wake, configuration.MaxInboxBytes);
        Outbox = new Outbox(transport, logger);
        Checkpoints = new Checkpointer(this, store, configuration.CheckpointBytes);
        Space = new SpaceKeeper(this, store, logger);
        Balancer = new LeaderBalancer(this);
        Leadership = new LeadershipLog(this, logger, clock.Now);
        Batch = new LogBatch();
        WallClocks = wallClocks;
        Clocks = new ClockExchange(this, wallClocks);
        Now = clock.Now;
    }

    public int Number { get; }

    public NodeConfiguration Configuration { get; }

    /// <summary>The configuration of a group to which none was ever applied.</summary>
    public Configuration InitialConfiguration { get; }

    public ShardInbox Inbox { get; }

    public Outbox Outbox { get; }

    public Checkpointer Checkpoints { get; }

    public SpaceKeeper Space { get; }

    public LeaderBalancer Balancer { get; }

    public LeadershipLog Leadership { get; }

    /// <summary>What this turn gives to the log so far.</summary>
    public LogBatch Batch { get; private set; }

    /// <summary>Scratch for the result of the entry being applied.</summary>
    public PooledBuffer ResultBuffer { get; } = new();

    /// <summary>Time of this turn.</summary>
    public long Now { get; private set; }

    /// <summary>Tells peers what this node's wall clock shows, and hears of theirs.</summary>
    public ClockExchange Clocks { get; }

    /// <summary>What the wall clocks of the nodes show.</summary>
    public WallClocks WallClocks { get; }

    /// <summary>Why writes of this node's callers are refused at the moment, or null. From any thread.</summary>
    public string? RefusalOfWrites => _logRefusal ?? (Space.IsFull || Space.Refuses ? "the disk under this node's store is full" : null);

    /// <summary>
    /// Why nothing is proposed on this node at the moment, or null. From any thread. A disk that does not answer may do so at once: what callers write waits for that, or for another node to lead, and is
    /// not refused.
    /// </summary>
    public string? RefusalOfProposals => _logHangs ? "this node's disk does not answer" : RefusalOfWrites;

    /// <summary>The store takes nothing more at the moment: nothing is applied, so that it never has to.</summary>
    public bool IsStoreFull => Space.IsFull;

    /// <summary>When the last turn began, monotonic nanoseconds; <see cref="long.MaxValue"/> before the first. From any thread.</summary>
    public long LastTurn => Volatile.Read(ref _lastTurn);

    /// <summary>Whether this node should lead groups of this shard: its disks take what they are given, as far as any shard knows, and it is not about to stop.</summary>
    public bool MayLead { get; private set; } = true;

    public IReadOnlyList<Replica> Replicas => _ordered;

    /// <summary>Whether what is left to apply should wait for the next turn.</summary>
    public bool HasAppliedEnough => _appliedInTurn >= MaxAppliedPerTurn;

    /// <summary>Whether the reads that are left should wait for the next turn.</summary>
    public bool HasServedEnough => _servedInTurn >= MaxServedPerTurn;

    /// <summary>When the shard wants its next turn if nothing comes in.</summary>
    public long NextDeadline => Math.Min(
        Math.Min(Math.Min(Math.Min(_nextTick, _nextSweep), Leadership.NextDeadline), Math.Min(Space.NextDeadline, WriteOverdueAt)),
        Math.Min(Checkpoints.NextDeadline(Now, CheckpointPollInterval), IsStoreFull ? Now + StoreFullPollInterval : long.MaxValue));

    private long WriteOverdueAt => RefusalOfProposals is null && _inLog.TryPeek(out var oldest) ? oldest.PostedAt + Configuration.Raft.ElectionTimeout + 1 : long.MaxValue;

    /// <summary>Why a command of this node's callers is refused at the moment, or null: what removes is not, while the store is only about to be full.</summary>
    public string? RefusalOf(ReadOnlySpan<byte> command) => Space.IsFull || !SpaceKeeper.NeedsNoSpace(command) ? RefusalOfWrites : _logRefusal;

    /// <summary>The same for proposing it.</summary>
    public string? RefusalOfProposal(ReadOnlySpan<byte> command) => _logHangs ? RefusalOfProposals : RefusalOf(command);

    /// <summary>Whether the state of a group holds part of an entry that could not be taken back.</summary>
    public bool HasTaintedGroup
    {
        get
        {
            foreach (var replica in _ordered)
            {
                if (replica.Halt is { IsTainted: true })
                    return true;
            }

            return false;
        }
    }

    public Replica? Replica(uint group) => _replicas.GetValueOrDefault(group);

    public bool IsConnected(ulong peer) => _connected.Contains(peer);

    /// <summary>Before the first turn only.</summary>
    public void Add(Replica replica)
    {
        _replicas.Add(replica.Group, replica);
        foreach (var member in Configuration.Members)
        {
            if (member.Number != Configuration.Self)
                replica.Core.PeerDisconnected(member.Number, Now);
        }

        _ordered.Add(replica);
        replica.Publish();
        Touch(replica);
    }

    /// <summary>The replica has something to do in this turn.</summary>
    public void Touch(Replica replica)
    {
        if (replica.IsTouched)
            return;
        replica.IsTouched = true;
        _touched.Add(replica);
    }

    /// <summary>An entry was applied, in whatever group. What it gave back counts for the turn as well: a short command may copy megabytes.</summary>
    public void OnApplied(int payloadBytes, int resultBytes)
    {
        _appliedInTurn += 1 + (payloadBytes >> 12) + (resultBytes >> 12);
        Checkpoints.OnApplied(payloadBytes);
    }

    /// <summary>A read was answered, of whatever group.</summary>
    public void OnServed(int commandBytes, int resultBytes) => _servedInTurn += 1 + (commandBytes >> 8) + (resultBytes >> 8);

    /// <summary>One step of everything: see the type. Not to be called again after it threw.</summary>
    public void Turn()
    {
        if (_stopped)
            return;
        Now = _clock.Now;
        Volatile.Write(ref _lastTurn, Now);
        _appliedInTurn = 0;
        _servedInTurn = 0;
        TakeEvents();
        // A thread may stand still between two lines, and what came in meanwhile must not be served under a lease that held before it came.
        Now = _clock.Now;
        WatchDisks();
        if (Now >= _nextTick)
            Tick();
        if (Now >= _nextSweep)
            Sweep();
        Space.GiveBack();
        Checkpoints.Poll();
        Leadership.Tick(Now);
        do
        {
            ProcessTouched();
            HandToLog();
        }
        while (_touched.Count > 0);
        Outbox.Flush();
        foreach (var frame in _frames)
            frame.Dispose();
        _frames.Clear();
    }

    /// <summary>The node is about to stop: it leads no more than it must, and takes no leadership over.</summary>
    public void PrepareStop()
    {
        _stopping = true;
        foreach (var replica in _ordered)
            replica.Core.IsStopping = true;
        UpdateMayLead();
    }

    /// <summary>The node's log refuses what another shard gave it, or no longer does.</summary>
    public void OnLogRefusesOther(int shard, bool refuses)
    {
        if (refuses)
            _refusedOthers.Add(shard);
        else
            _refusedOthers.Remove(shard);
        UpdateMayLead();
    }

    /// <summary>The node stops: whoever waits is told.</summary>
    public void Stop(string reason)
    {
        if (_stopped)
            return;
        _stopReason = reason;
        _stopped = true;
        foreach (var replica in _ordered)
        {
            // Before the stores are closed: no reader is to rely on them any more.
            replica.View.EndLease();
            replica.EndAll(reason);
        }

        RefuseRest();
    }

    /// <summary>Takes an operation from any thread.</summary>
    public void Submit(Operation operation)
    {
        Inbox.Post(operation);
        // Posted before the flag was read, or seen by Stop: either way somebody takes it.
        if (_stopped)
            RefuseRest();
    }

    /// <summary>Runs work that may block off this thread, then its end on it.</summary>
    public void RunInBackground(Action work, Action<Exception?> end) => _host.RunInBackground(work, failure => Inbox.Post(() => end(failure)));

    public void ReportFailure(Exception failure) => _host.OnFailure(failure);

    void IWalCompletion.OnDurable(WalBatch batch) => Inbox.Post(new ShardEvent(ShardEventKind.LogDurable, null, 0));

    void IWalCompletion.OnFailed(WalBatch batch, Exception failure) =>
        Inbox.Post(new ShardEvent(failure is Engine.Io.DiskFullException ? ShardEventKind.LogFull : ShardEventKind.Failed, failure, 0));

    private void RefuseRest()
    {
        while (Inbox.TryTake(out var @event))
        {
            if (@event.Subject is Operation operation)
                operation.Complete(OperationStatus.Unavailable, _stopReason);
        }
    }

    private void TakeEvents()
    {
        for (var count = 0; count < MaxEventsPerTurn && Inbox.TryTake(out var @event); count++)
        {
            switch (@event.Kind)
            {
                case ShardEventKind.Operation:
                    OnOperation((Operation)@event.Subject!);
                    break;
                case ShardEventKind.Frame:
                    OnFrame(@event.Peer, (PooledBuffer)@event.Subject!);
                    break;
                case ShardEventKind.LogDurable:
                    OnLogDurable();
                    break;
                case ShardEventKind.LogFull:
                    OnLogFull((Exception)@event.Subject!);
                    break;
                case ShardEventKind.PeerConnected:
                    OnPeerConnected(@event.Peer);
                    break;
                case ShardEventKind.PeerDisconnected:
                    OnPeerDisconnected(@event.Peer);
                    break;
                case ShardEventKind.Work:
                    ((Action)@event.Subject!)();
                    break;
                default:
                    throw (Exception)@event.Subject!;
            }
        }
    }

    private void OnOperation(Operation operation)
    {
        if (!_replicas.TryGetValue(operation.Group, out var replica))
        {
            operation.Complete(OperationStatus.Unavailable, $"there is no group {operation.Group} on this node");
            return;
        }

        replica.Accept(operation);
        Touch(replica);
        if (_nextSweep == long.MaxValue)
            _nextSweep = Now + SweepInterval;
    }

    private void OnFrame(ulong peer, PooledBuffer frame)
    {
        Inbox.Taken(frame);
        _frames.Add(frame);
        Now = _clock.Now;
        // A peer's read waits here as one of this node's callers'.
        if ((FrameKind)frame.Span[0] == FrameKind.Forward)
            _nextSweep = Math.Min(_nextSweep, Now + SweepInterval);
        if (!FrameReading.Take(this, peer, frame))
            LogUnreadableFrame(peer, frame.Length);
    }

    private void OnPeerConnected(ulong peer)
    {
        _connected.Add(peer);
        Balancer.OnPeerConnected(peer, Now);
        Clocks.OnPeerConnected(peer);
        foreach (var replica in _ordered)
        {
            replica.OnPeerConnected(peer);
            Touch(replica);
        }
    }

    private void OnPeerDisconnected(ulong peer)
    {
        _connected.Remove(peer);
        foreach (var replica in _ordered)
        {
            replica.OnPeerDisconnected(peer);
            Touch(replica);
        }
    }

    private void Tick()
    {
        Balancer.Tick(Now);
        Clocks.Tick(Now);
        _nextTick = Math.Min(Balancer.NextDeadline, Clocks.NextDeadline);
        foreach (var replica in _ordered)
        {
            var deadline = replica.NextDeadline;
            if (deadline > Now)
            {
                _nextTick = Math.Min(_nextTick, deadline);
                continue;
            }

            replica.Tick(Now);
            Touch(replica);
        }
    }

    private void Sweep()
    {
        _nextSweep = _refusedBatches > 0 ? Now + SweepInterval : long.MaxValue;
        foreach (var replica in _ordered)
        {
            if (replica.Writes.Outstanding == 0 && !replica.Reads.Any)
                continue;
            replica.Sweep(Now);
            _nextSweep = Now + SweepInterval;
            if (replica.Writes.AnyWaiting || replica.Reads.Any)
                Touch(replica);
        }
    }

    private void ProcessTouched()
    {
        // A replica may touch another, or itself again, while it is processed.
        for (var i = 0; i < _touched.Count; i++)
        {
            var replica = _touched[i];
            replica.IsTouched = false;
            replica.Process(_effects);
            if (Batch.Wal.BodyLength > Configuration.MaxBatchBytes)
            {
                Sometimes.Reached(Sometimes.BatchSplit);
                HandToLog();
            }

            _nextTick = Math.Min(_nextTick, replica.NextDeadline);
        }

        _touched.Clear();
    }

    private void HandToLog()
    {
        if (_refusedBatches > 0 && _refusedBatches == _inLog.Count && Now >= _nextLogRetry)
            RetryLog();
        if (Batch.IsEmpty)
            return;
        if (Batch.Wal.IsEmpty)
        {
            // Promises about what is, or is about to be, durable already: no sync of their own.
            if (_lastInLog is null)
                Batch.Release(this);
            else
                Batch.MoveTo(_lastInLog);
            return;
        }

        var batch = Batch;
        Batch = _spareBatches.TryPop(out var spare) ? spare : new LogBatch();
        batch.PostedAt = Now;
        _inLog.Enqueue(batch);
        _lastInLog = batch;
        if (_refusedBatches > 0)
            _refusedBatches++; // it builds on what was refused: it waits with it
        else
            _host.PostToLog(batch.Wal, this);
    }

    private void OnLogDurable()
    {
        if (_logRefusal is not null || _logHangs)
        {
            SetLogRefusal(null, hangs: false);
            LogDiskWritesAgain();
        }

        var batch = _inLog.Dequeue();
        if (_inLog.Count == 0)
            _lastInLog = null;
        batch.Release(this);
        _spareBatches.Push(batch);
    }

    /// <summary>The log took nothing of the oldest batches in it: they are kept, in order, and offered again.</summary>
    private void OnLogFull(Exception failure)
    {
        _refusedBatches++;
        _nextLogRetry = Now + LogRetryInterval;
        _nextSweep = Math.Min(_nextSweep, Now + SweepInterval);
        if (_logRefusal is not null)
            return;
        Sometimes.Reached(Sometimes.LogDiskFull);
        SetLogRefusal("this node's disk is full", hangs: false);
        LogDiskFull(failure.Message);
        // The log shrinks behind a checkpoint.
        Checkpoints.Demand();
    }

    /// <summary>
    /// Sees whether the disks let this node go on: while the store's is full nothing is applied; and a leader whose log has not confirmed a batch for an election timeout goes
    /// (its entries may still be committed by others' disks, so nobody else would notice).
    /// </summary>
    private void WatchDisks()
    {
        Space.Watch();
        if (_refusedBatches == 0 && _inLog.TryPeek(out var oldest) && Now - oldest.PostedAt > Configuration.Raft.ElectionTimeout)
            OnLogHangs();
    }

    private void OnLogHangs()
    {
        if (_logRefusal is not null || _logHangs)
            return;
        Sometimes.Reached(Sometimes.LogHangs);
        SetLogRefusal(null, hangs: true);
        LogDiskHangs();
    }

    private void SetLogRefusal(string? refusal, bool hangs)
    {
        (_logRefusal, _logHangs) = (refusal, hangs);
        _host.OnLogRefuses(Number, refusal is not null || hangs);
        UpdateMayLead();
    }

    /// <summary>A disk fails this shard, or is well again: whether it may lead follows from all of them.</summary>
    public void UpdateMayLead()
    {
        var may = RefusalOfProposals is null && _refusedOthers.Count == 0 && !_stopping;
        if (may == MayLead)
            return;
        MayLead = may;
        foreach (var replica in _ordered)
            replica.UpdateAcceptsLeadership();
        Balancer.OnMayLeadChanged();
        _nextTick = Now;
    }

    /// <summary>A group halted at an entry that a defect keeps from being applied.</summary>
    public void OnHalted(Replica replica, ApplyHalt halt, Exception defect)
    {
        LogHalted(defect, replica.Group, halt.Index, halt.Term, halt.Kind);
        if (halt.IsTainted)
            LogTainted(replica.Group);
    }

    /// <summary>A read met a defect; any thread.</summary>
    public void OnQueryDefect(uint group, Exception defect) => LogQueryDefect(defect, group);

    /// <summary>A group goes on.</summary>
    public void OnResumed(Replica replica, ApplyHalt halt)
    {
        Sometimes.Reached(Sometimes.ApplyResumed);
        LogResumed(replica.Group, halt.Index);
    }

    /// <summary>A checkpoint found no space; it will be tried again.</summary>
    public void OnCheckpointRefused(Exception failure) => LogCheckpointRefused(failure.Message);

    private void RetryLog()
    {
        Sometimes.Reached(Sometimes.LogRetriedAfterFullDisk);
        _refusedBatches = 0;
        var first = true;
        foreach (var batch in _inLog)
        {
            batch.Wal.AfterRefusal = first;
            batch.PostedAt = Now;
            first = false;
            _host.PostToLog(batch.Wal, this);
        }
    }
}
