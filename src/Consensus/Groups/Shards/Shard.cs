using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Transport;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Owns some of a node's groups and moves them on, a <see cref="Turn"/> at a time, on one thread and without locks: takes what came in, steps every group it concerns,
/// gives the log one batch for all of them, sends each peer one frame for all of them. Reads no clock but the injected one, starts nothing by itself.
/// </summary>
/// <remarks>
/// Invariant: within a turn the views are published before any message leaves, so that no other node can show a write that a lease reader here would miss.
/// </remarks>
internal sealed partial class Shard : IReplicaContext, IWalCompletion
{
    /// <summary>Events taken in one turn: enough to batch well, few enough that nobody waits long for the log.</summary>
    private const int MaxEventsPerTurn = 4096;

    private const long SweepInterval = 10_000_000;

    private const long CheckpointPollInterval = 2_000_000;

    private const long StoreFullPollInterval = 50_000_000;

    private readonly IClock _clock;
    private readonly ILogger _logger;
    private readonly IShardHost _host;
    private readonly LogQueue _log;
    private readonly SpaceKeeper _space;
    private readonly FrameDispatch _frames;
    private readonly Dictionary<uint, Replica> _replicas = [];
    private readonly List<Replica> _ordered = [];
    private readonly List<Replica> _touched = [];
    private readonly HashSet<ulong> _connected = [];
    private readonly List<Action> _whenIdle = [];
    private readonly RaftEffects _effects = new();
    private long _nextTick = long.MinValue;
    private long _nextSweep = long.MaxValue;
    private long _lastTurn = long.MaxValue;
    private volatile bool _stopped;
    private string _stopReason = "the node stopped";

    public Shard(int number, NodeConfiguration configuration, Configuration initial, IClock clock, IStateStore store, ITransport transport, WallClocks wallClocks, IShardHost host, ILogger logger, Action? wake)
    {
        Number = number;
        Configuration = configuration;
        InitialConfiguration = initial;
        _clock = clock;
        _host = host;
        _logger = logger;
        Now = clock.Now;
        WallClocks = wallClocks;
        Inbox = new ShardInbox(wake, configuration.MaxInboxBytes);
        Outbox = new PeerOutbox(transport, logger);
        Health = new DiskHealth(number, host, OnMayLeadChanged);
        Defects = new DefectLog(logger);
        Checkpoints = new Checkpointer(this, store, configuration.CheckpointBytes, logger);
        Balancer = new LeaderBalancer(this, host);
        Leadership = new LeadershipLog(configuration, logger, clock.Now);
        Clocks = new ClockExchange(this, wallClocks);
        _log = new LogQueue(this, host, this, logger);
        _space = new SpaceKeeper(this, store, logger);
        _frames = new FrameDispatch(this);
    }

    public int Number { get; }

    public NodeConfiguration Configuration { get; }

    public Configuration InitialConfiguration { get; }

    public ShardInbox Inbox { get; }

    public PeerOutbox Outbox { get; }

    public DiskHealth Health { get; }

    public DefectLog Defects { get; }

    public Checkpointer Checkpoints { get; }

    public LeaderBalancer Balancer { get; }

    public LeadershipLog Leadership { get; }

    public ClockExchange Clocks { get; }

    public WallClocks WallClocks { get; }

    public TurnBudget Budget { get; } = new();

    public LogBatch Batch => _log.Batch;

    public PooledBuffer ResultBuffer { get; } = new();

    public long Now { get; private set; }

    /// <summary>When the last turn began, monotonic nanoseconds; <see cref="long.MaxValue"/> before the first. From any thread.</summary>
    public long LastTurn => Volatile.Read(ref _lastTurn);

    public IReadOnlyList<Replica> Replicas => _ordered;

    /// <summary>When the shard wants its next turn if nothing comes in.</summary>
    public long NextDeadline => Math.Min(
        Math.Min(Math.Min(Math.Min(_nextTick, _nextSweep), Leadership.NextDeadline), Math.Min(_space.NextDeadline, _log.NextDeadline)),
        Math.Min(Checkpoints.NextDeadline(Now, CheckpointPollInterval), Health.IsStoreFull ? Now + StoreFullPollInterval : long.MaxValue));

    public Replica? Replica(uint group) => _replicas.GetValueOrDefault(group);

    public bool IsConnected(ulong peer) => _connected.Contains(peer);

    /// <summary>A group comes to this shard. Before the first turn, or in one.</summary>
    public void Add(Replica replica)
    {
        _replicas.Add(replica.Group, replica);
        foreach (var member in Configuration.Members)
        {
            if (member.Number != Configuration.Self && !IsConnected(member.Number))
                replica.Core.PeerDisconnected(member.Number, Now);
        }

        _ordered.Add(replica);
        replica.UpdateAcceptsLeadership();
        replica.OnStoreFull();
        replica.Publish();
        Touch(replica);
    }

    /// <summary>A group leaves this shard: who waits is told, and nothing that is still under way for it is of any use. Its log and its state are for the caller to drop. In a turn.</summary>
    public void Remove(Replica replica, string reason)
    {
        replica.View.EndLease();
        replica.EndAll(reason);
        replica.IsRemoved = true;
        _replicas.Remove(replica.Group);
        _ordered.Remove(replica);
        _touched.Remove(replica);
    }

    public void Touch(Replica replica)
    {
        if (replica.IsTouched || replica.IsRemoved)
            return;
        replica.IsTouched = true;
        _touched.Add(replica);
    }

    /// <summary>
    /// One step of everything, in this order: what came in is taken, and moves the groups it is for; what is due by the clock happens; then each group that has anything to do carries out what its core wants
    /// (messages into the outbox, entries into the log's batch, committed entries applied, its view published); the batch goes to the log; at the very end the messages leave. So one sync and one frame
    /// a peer serve all groups, and nothing leaves before what it promises is with the log, or durable where the core asked for that (<see cref="LogBatch"/>). Not to be called again after it threw.
    /// </summary>
    public void Turn()
    {
        if (_stopped)
            return;
        Now = _clock.Now;
        Volatile.Write(ref _lastTurn, Now);
        Budget.Begin();
        TakeEvents();
        // A thread may stand still between two lines, and what came in meanwhile must not be served under a lease that held before it came.
        Now = _clock.Now;
        _space.Watch();
        _log.Watch();
        if (Now >= _nextTick)
            Tick();
        if (Now >= _nextSweep)
            Sweep();
        _space.GiveBack();
        Checkpoints.Poll();
        Leadership.Tick(Now);
        do
        {
            ProcessTouched();
            // What was waiting for durability that the log has already moves its groups once more.
            _log.Submit();
        }
        while (_touched.Count > 0);
        Outbox.Flush();
        _frames.Release();
        if (_whenIdle.Count > 0)
            TellIfIdle();
    }

    /// <summary>Calls back, at the end of a turn, once nothing that callers of this node asked of the shard is under way. In a turn.</summary>
    public void WhenIdle(Action idle) => _whenIdle.Add(idle);

    /// <summary>The node is about to stop: it leads no more than it must, and takes no leadership over.</summary>
    public void PrepareStop()
    {
        foreach (var replica in _ordered)
            replica.Core.IsStopping = true;
        Health.Stop();
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

    public void Post(Action work) => Inbox.Post(work);

    public void RunInBackground(Action work, Action<Exception?> end) => _host.RunInBackground(work, failure => Inbox.Post(() => end(failure)));

    public void ReportFailure(Exception failure) => _host.OnFailure(failure);

    void IWalCompletion.OnDurable(WalBatch batch) => Inbox.Post(new ShardEvent(ShardEventKind.LogDurable, null, 0));

    void IWalCompletion.OnFailed(WalBatch batch, Exception failure) =>
        Inbox.Post(new ShardEvent(failure is Engine.Io.DiskFullException ? ShardEventKind.LogFull : ShardEventKind.Failed, failure, 0));

    private void TellIfIdle()
    {
        foreach (var replica in _ordered)
        {
            if (replica.Writes.Outstanding > 0 || replica.Reads.Any)
                return;
        }

        foreach (var idle in _whenIdle)
            idle();
        _whenIdle.Clear();
    }

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
                    _log.OnDurable();
                    break;
                case ShardEventKind.LogFull:
                    _log.OnFull((Exception)@event.Subject!);
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
        Now = _clock.Now;
        // A peer's read waits here as one of this node's callers'.
        if ((FrameKind)frame.Span[0] == FrameKind.Forward)
            _nextSweep = Math.Min(_nextSweep, Now + SweepInterval);
        if (!_frames.Take(peer, frame))
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

    private void OnMayLeadChanged()
    {
        foreach (var replica in _ordered)
            replica.UpdateAcceptsLeadership();
        Balancer.OnMayLeadChanged();
        _nextTick = Now;
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
        _nextSweep = long.MaxValue;
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
                _log.Submit();
            }

            _nextTick = Math.Min(_nextTick, replica.NextDeadline);
        }

        _touched.Clear();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "node {peer} sent a frame of {length} bytes that is not readable; the rest of it is ignored")]
    private partial void LogUnreadableFrame(ulong peer, int length);
}
