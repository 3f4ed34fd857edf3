using DotNext;
using DotNext.Threading;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.Store;
using RaftKv.Engine.Wal.Log;
using RaftKv.Engine.Wal.Write;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// A node at work: its shards, their log and stores, the transport between them and the peers. Made from parts that are already open; owns them from then on.
/// Thread-safe.
/// </summary>
public sealed partial class NodeRuntime : IOperationExecutor, ITransportHandler, IShardHost, IAsyncDisposable
{
    private readonly NodeConfiguration _configuration;
    private readonly IClock _clock;
    private readonly WriteAheadLog _log;
    private readonly WalWriter _writer;
    private readonly IReadOnlyList<IStateStore> _stores;
    private readonly ILogger _logger;
    private readonly AsyncTrigger _transfersEnded = new();
    private readonly Shard[] _shards;
    private volatile GroupDirectory _groups = GroupDirectory.Empty;
    private readonly WallClocks _wallClocks;
    private readonly TaskCompletionSource<string> _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITransport _transport;
    private readonly INodeDriver _driver;
    private readonly HashSet<ulong> _refusedBy = [];
    private volatile bool _refuses;
    private volatile bool _drains;
    private int _disposed;

    /// <summary>Recovers every group from log and stores; nothing runs before <see cref="Start"/>.</summary>
    /// <param name="configuration">What to run.</param>
    /// <param name="clock">The time.</param>
    /// <param name="log">The open log.</param>
    /// <param name="writer">Its writer, not started.</param>
    /// <param name="stores">One per shard.</param>
    /// <param name="transport">Makes the transport for this node as its handler; it must not call the handler before it is started.</param>
    /// <param name="driver">Lets it all run.</param>
    /// <param name="loggers">Where to tell what happens.</param>
    /// <exception cref="InvalidDataException">Log and store of a group do not belong together; one sentence.</exception>
    internal NodeRuntime(
        NodeConfiguration configuration,
        IClock clock,
        WriteAheadLog log,
        WalWriter writer,
        IReadOnlyList<IStateStore> stores,
        Func<ITransportHandler, ITransport> transport,
        INodeDriver driver,
        ILoggerFactory loggers)
    {
        _logger = loggers.CreateLogger<NodeRuntime>();
        _transport = transport(this);
        // Several entries, or a piece of an image with a record more than it was to have, must fit a frame.
        var share = Math.Max(1, PeerOutbox.LargestCommandIn(_transport.MaxFrameBytes) / 4);
        configuration = configuration with
        {
            SnapshotChunkBytes = Math.Min(configuration.SnapshotChunkBytes, share),
            Raft = configuration.Raft with { MaxAppendBytes = Math.Min(configuration.Raft.MaxAppendBytes, share) },
        };
        (_configuration, _clock, _log, _writer, _stores, _driver) = (configuration, clock, log, writer, stores, driver);
        _wallClocks = new WallClocks(configuration, clock, _logger);
        _shards = new Shard[configuration.Shards];
        var initial = new Configuration { Voters = [.. configuration.Members.Select(m => m.Number)] };
        for (var i = 0; i < _shards.Length; i++)
        {
            var number = i;
            _shards[i] = new Shard(i, configuration, initial, clock, stores[i], _transport, _wallClocks, this, loggers.CreateLogger<Shard>(), () => driver.Wake(number));
        }

        for (uint group = 1; group <= configuration.Groups; group++)
        {
            var shard = _shards[GroupDirectory.ShardOf(group, _shards.Length)];
            var replica = ReplicaRecovery.Recover(shard, group, stores[shard.Number], log);
            shard.Add(replica);
            _groups = _groups.With(shard, replica.View);
        }

        Readiness = new NodeReadiness(() => _groups, () => _failure.Task.IsCompleted ? $"this node failed: {_failure.Task.Result}" : StopReason);
    }

    /// <inheritdoc/>
    public long Now => _clock.Now;

    /// <inheritdoc/>
    public GroupTime TimeOf(uint group)
    {
        if (!_groups.TryFind(group, out var entry))
            return default;
        var (view, now) = (entry.View, _clock.Now);
        var (origin, reference) = (view.LogOrigin, _wallClocks.Reference);
        // A read may see what was applied a moment ago, by a leader whose clock is a little ahead of what is known here.
        var time = Math.Max(LogClock.At(origin, now), view.Machine.Time);
        return new GroupTime(time, origin == LogClock.Unknown || reference == LogClock.Unknown ? 0 : (reference - origin) / 1000);
    }

    /// <summary>By how many milliseconds a node's wall clock is ahead of what a majority's have reached; null if it, or that, is not known.</summary>
    public long? WallClockErrorOf(ulong node) => _wallClocks.ErrorOf(node);

    /// <summary>Completes with a sentence when the node had to stop by itself.</summary>
    public Task<string> Failure => _failure.Task;

    /// <summary>What the groups look like from here, by number.</summary>
    public IReadOnlyList<GroupView> Views => _groups.Views;

    /// <summary>Whether it serves; somebody must let it sample.</summary>
    public NodeReadiness Readiness { get; }

    /// <summary>Whether the connection to a peer stands.</summary>
    public bool IsConnected(ulong peer) => peer == _configuration.Self || _transport.IsConnected(peer);

    /// <summary>The shards, for a simulation that looks into them.</summary>
    internal IReadOnlyList<Shard> Shards => _shards;

    /// <summary>Begins to run; the transport is started by its maker afterwards.</summary>
    public void Start() => _driver.Start(_shards, _writer, OnFailure);

    /// <inheritdoc/>
    public void Submit(Operation operation)
    {
        // In the caller's thread: what a caller hands over must not throw in the shard's.
        if (operation.Command.Length < CommandEnvelope.Size)
            throw new ArgumentException($"The operation's command is {operation.Command.Length} bytes long; an encoded command has at least {CommandEnvelope.Size}.", nameof(operation));
        operation.Begin();
        if (!_groups.TryFind(operation.Group, out var entry))
            operation.Complete(OperationStatus.Unavailable, $"there is no group {operation.Group} on this node");
        else if (_refuses)
            operation.Complete(OperationStatus.Unavailable, StopReason!);
        else
            entry.Shard.Submit(operation);
    }

    /// <inheritdoc/>
    public bool TryReadLocal(uint group, ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header)
    {
        found = false;
        header = default;
        if (!_groups.TryFind(group, out var entry))
            return false;
        var view = entry.View;
        if (view.LeaseUntil <= _clock.Now)
            return false;
        view.NoteRead();
        try
        {
            // The caller may be the thread that polls the sockets: a disk must not hold it up.
            return view.Machine.IsInMemory(key) && view.Machine.TryRead(key, value, out found, out header);
        }
        catch (Exception e) when (e is ObjectDisposedException or StoreFailedException)
        {
            // The lease held when it was looked at, and the node has been closed since, or its store has failed. Submitted, the read is told so.
            return false;
        }
    }

    /// <summary>
    /// The first step of a stop: transfers the leaderships, as far as there is somebody willing to take them, within a bounded time. From then on this node tells others that it stops, and takes no leadership.
    /// </summary>
    public async Task TransferLeadershipsAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _disposed) != 0)
            return;
        // Whoever looks sends its requests elsewhere from now on.
        _drains = true;
        PrepareStop();
        await _transfersEnded.SpinWaitAsync(new NothingToTransfer(this), atMost, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins the transfer of all leaderships.</summary>
    internal void PrepareStop()
    {
        foreach (var shard in _shards)
        {
            shard.Balancer.ExpectStop();
            shard.Inbox.Post(shard.PrepareStop);
        }
    }

    /// <summary>Whether it leads groups that somebody else may take over, after <see cref="PrepareStop"/>.</summary>
    internal bool HasToTransfer => !_failure.Task.IsCompleted && _shards.Any(s => s.Balancer.HasToTransfer);

    /// <summary>Refuses what callers of this node ask from now on, and waits until what is under way has ended; false if that took longer than it may.</summary>
    public async Task<bool> DrainAsync(TimeSpan atMost)
    {
        _refuses = true;
        return await EachShardAsync((shard, done) => shard.WhenIdle(done), atMost).ConfigureAwait(false);
    }

    /// <summary>Takes a checkpoint of what is applied by now, so that the next start has nothing to replay; false if it took longer than it may.</summary>
    public async Task<bool> CheckpointAsync(TimeSpan atMost)
    {
        return await EachShardAsync((shard, done) => shard.Checkpoints.WhenSaved(done), atMost).ConfigureAwait(false);
    }

    /// <summary>Stops everything: whoever waits is told, the files are closed.</summary>
    public async ValueTask DisposeAsync()
    {
        _refuses = true;
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _transport.DisposeAsync().ConfigureAwait(false);
        await _driver.StopAsync("the node stopped").ConfigureAwait(false);
        _writer.Dispose();
        foreach (var store in _stores)
            store.Dispose();
        _log.Dispose();
        _transfersEnded.Dispose();
    }

    void ITransportHandler.OnConnected(ulong peer)
    {
        lock (_refusedBy)
            _refusedBy.Remove(peer);
        Tell(new ShardEvent(ShardEventKind.PeerConnected, null, peer));
    }

    void ITransportHandler.OnDisconnected(ulong peer) => Tell(new ShardEvent(ShardEventKind.PeerDisconnected, null, peer));

    void ITransportHandler.OnFrame(ulong peer, PooledBuffer frame)
    {
        if (frame.Length == 0)
        {
            frame.Dispose();
            return;
        }

        if (_shards.Length == 1)
        {
            _shards[0].Inbox.Post(peer, frame);
            return;
        }

        FrameSplitter.Split(frame, _shards.Length, (shard, part) => _shards[shard].Inbox.Post(peer, part));
    }

    void ITransportHandler.OnRefused(ulong peer, RefusalCode code, string reason)
    {
        bool isolated;
        lock (_refusedBy)
        {
            _refusedBy.Add(peer);
            isolated = _refusedBy.Count > _configuration.Members.Count - _configuration.Majority;
        }

        // One peer may be wrong about the cluster, or be misconfigured itself. But a directory that one peer has known otherwise has forgotten its promises, whatever the others say.
        if (code == RefusalCode.Incarnation || isolated)
            OnFailure(new InvalidOperationException($"node {Name(peer)} refuses this node: {reason}"));
    }

    void IShardHost.PostToLog(WalBatch batch, IWalCompletion target) => _writer.Post(batch, target);

    void IShardHost.OnLogRefuses(int shard, bool refuses)
    {
        foreach (var other in _shards)
        {
            if (other.Number != shard)
                other.Inbox.Post(() => other.Health.SetOther(shard, refuses));
        }
    }

    void IShardHost.OnTransfersEnded() => _transfersEnded.Signal(resumeAll: true);

    void IShardHost.RunInBackground(Action work, Action<Exception?> end) => _driver.RunInBackground(() =>
    {
        Exception? failure = null;
        try
        {
            work();
        }
#pragma warning disable CA1031 // it is handed to whoever asked
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        end(failure);
    });

    void IShardHost.OnFailure(Exception failure) => OnFailure(failure);

    private void OnFailure(Exception failure)
    {
        if (!_failure.TrySetResult(failure.Message))
            return;
        _refuses = true;
        _transfersEnded.Signal(resumeAll: true);
        LogFailed(failure, failure.Message);
    }

    /// <summary>Asks each shard, in a turn, to say when something is done; false if that took longer than it may, or the node failed meanwhile.</summary>
    private async Task<bool> EachShardAsync(Action<Shard, Action> ask, TimeSpan atMost)
    {
        // Not disposed: a shard may signal it long after the wait was given up.
        var left = new AsyncCountdownEvent(_shards.Length);
        foreach (var shard in _shards)
            shard.Inbox.Post(() => ask(shard, () => left.Signal()));
        var all = left.WaitAsync(atMost).AsTask();
        return await Task.WhenAny(all, Failure).ConfigureAwait(false) == all && await all.ConfigureAwait(false);
    }

    private string? StopReason => Volatile.Read(ref _disposed) != 0 ? "this node has stopped" : _refuses || _drains ? "this node is stopping" : null;

    private readonly struct NothingToTransfer(NodeRuntime node) : ISupplier<bool>
    {
        bool ISupplier<bool>.Invoke() => !node.HasToTransfer;
    }

    private void Tell(in ShardEvent @event)
    {
        foreach (var shard in _shards)
            shard.Inbox.Post(@event);
    }

    private string Name(ulong number) => _configuration.Members.FirstOrDefault(m => m.Number == number)?.Name ?? number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Critical, Message = "the node stops: {reason}")]
    private partial void LogFailed(Exception failure, string reason);
}
