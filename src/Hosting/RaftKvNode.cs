using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.Store;
using RaftKv.Hosting.Node;
using RaftKv.Hosting.Requests;

namespace RaftKv.Hosting;

/// <summary>
/// A node of a cluster, in this process: from <see cref="StartAsync"/> running, from a service provider (<see cref="RaftKvServiceCollectionExtensions.AddRaftKv"/>) about to start with the application.
/// Thread-safe.
/// </summary>
public sealed class RaftKvNode : IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan TransferTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan CheckpointTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SampleInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>A node that was never ready says why not after this long.</summary>
    private static readonly TimeSpan LateAfter = TimeSpan.FromSeconds(5);

    private readonly ArgumentException? _refusal;
    private readonly IReadOnlyList<string> _names;
    private readonly StartingExecutor _starting = new();
    private readonly TaskCompletionSource<string> _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _firstReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Lazy<Task> _stopped;
    private Task? _opening;
    private volatile OpenNode? _open;
    private Timer? _sampling;
    private readonly Stopwatch _uptime = new();
    private bool _saidLate;
    private bool _saidStopping;
    private ILogger _logger = NullLogger.Instance;

    /// <summary>A node that does not run yet.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    internal RaftKvNode(RaftKvOptions options)
        : this(Checked(options), refusal: null)
    {
    }

    private RaftKvNode(RaftKvOptions options, ArgumentException? refusal)
    {
        _refusal = refusal;
        // The caller's own object may be changed, or used for the next node.
        Options = options.Copy();
        _names = [.. Options.Members.Select(m => m.Name).Order(StringComparer.Ordinal)];
        _stopped = new Lazy<Task>(() => Task.Run(StopOnceAsync));
        DefaultTenant = new Tenant(_starting, DefaultGroup, new CommandLimits { MaxKeyBytes = Options.MaxKeyBytes, MaxValueBytes = Options.MaxValueBytes }, Options.RequestTimeout);
    }

    /// <summary>A node for a service provider, which may make it long before it is started: an option that is out of range is refused then, where the host can stop in order.</summary>
    internal static RaftKvNode ForHost(RaftKvOptions options)
    {
        try
        {
            return new RaftKvNode(options);
        }
        catch (ArgumentException refusal)
        {
            return new RaftKvNode(new RaftKvOptions(), refusal);
        }
    }

    /// <summary>This node's name.</summary>
    public string Name => Options.NodeName;

    /// <summary>The options it runs with: a copy of those that it was given.</summary>
    public RaftKvOptions Options { get; }

    /// <summary>The group that holds the default tenant's keys.</summary>
    public uint DefaultGroup { get; } = 1;

    /// <summary>The default tenant: keys and values of whoever names no other.</summary>
    public Tenant DefaultTenant { get; }

    /// <summary>The way in for those who speak commands.</summary>
    internal IOperationExecutor Executor => _open is { } open ? open.Runtime : _starting;

    /// <summary>
    /// Whether this node serves linearizable reads and writes of every group that it has. With hysteresis: true after 250 ms in which nothing was in the way, false after 500 ms in which something was
    /// (at once for a full disk, a failure, a stop).
    /// </summary>
    public bool IsReady => _open is { } open && !_stopping.IsCancellationRequested && open.Runtime.Readiness.IsReady;

    /// <summary>Completes when the node is ready for the first time; never, if it never is.</summary>
    public Task FirstReady => _firstReady.Task;

    /// <summary>Completes, with the reason, when the node had to stop by itself (a failed disk, a broken invariant, an identity refused by its peers). Until then it runs.</summary>
    public Task<string> Failure => _failure.Task;

    /// <summary>Opens the data directory, recovers, starts to listen and joins its peers. Returns when the node takes requests, not when the cluster has leaders.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="RaftKvStartException">The data directory is foreign, damaged or in use, or the port is taken: one sentence says which.</exception>
    public static async Task<RaftKvNode> StartAsync(RaftKvOptions options, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var node = new RaftKvNode(options);
        await node.OpenAsync(loggers ?? NullLoggerFactory.Instance, cancellationToken).ConfigureAwait(false);
        return node;
    }

    /// <summary>Starts it, once: later calls wait for the first. What waits for it goes on, or is refused with the reason for which it could not start.</summary>
    /// <exception cref="RaftKvStartException">See <see cref="StartAsync"/>.</exception>
    /// <exception cref="OperationCanceledException">The token fired, or the node is being stopped.</exception>
    internal Task OpenAsync(ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            // On the pool: recovery takes a while, and whoever stops the node meanwhile waits for this task.
            return _opening ??= Task.Run(() => OpenOnceAsync(loggers, cancellationToken), CancellationToken.None);
        }
    }

    /// <summary>The cluster as this node sees it now; before it has started, its members only.</summary>
    public ClusterDescription Describe() => _open is not { } open
        ? new([.. Options.Members.OrderBy(m => m.Name, StringComparer.Ordinal).Select(m => new NodeDescription(m.Name, m.Address, false))], DefaultGroup, [])
        : new(
            [.. open.Members.Select(m => new NodeDescription(m.Name, m.Address, open.Runtime.IsConnected(m.Number), open.Runtime.WallClockErrorOf(m.Number)))],
            DefaultGroup,
            [.. open.Runtime.Views.Select(v => new GroupDescription(v.Group, NameOf(open, v.Leader), v.Term, v.Commit, v.Applied, _names, []) { HaltedAt = v.HaltedAt, HaltReason = v.HaltReason, TimeAheadMs = -open.Runtime.TimeOf(v.Group).WallLead })]);

    /// <summary>
    /// Lets a group whose replicas halted at an entry that a defect keeps from being applied (<see cref="GroupDescription.HaltedAt"/>) go on without it: on all of them the entry has no effect.
    /// Not for a group in which only some replicas halted: those that applied the entry would halt in their turn, with a state that is not the others'. Any node may be asked; the leader decides.
    /// </summary>
    /// <param name="group">The group, 1 and up.</param>
    /// <param name="index">The entry, as <see cref="GroupDescription.HaltedAt"/> names it.</param>
    /// <param name="cancellationToken">Ends the wait; the entry may be skipped all the same.</param>
    /// <returns>False, and nothing is changed, if this entry is not what the group's leader halted at.</returns>
    /// <exception cref="UnavailableException">There is no such group, or no leader could take the request in time.</exception>
    /// <exception cref="OutcomeUnknownException">The leader did not answer in time: the entry may be skipped, or still be; to ask again does no harm.</exception>
    public async Task<bool> SkipEntryAsync(uint group, ulong index, CancellationToken cancellationToken = default)
    {
        var executor = Executor;
        var operation = PendingOperation<bool>.Rent();
        operation.Group = group;
        operation.Kind = OperationKind.Write;
        operation.Deadline = executor.Now + TenantChecks.Nanoseconds(null, Options.RequestTimeout);
        SkipEntryCommand.Encode(operation.Command, index);
        return await operation.RunAsync(executor, IsSkipped, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether this node serves, and why not.</summary>
    public ReadinessDescription DescribeReadiness()
    {
        if (_open is not { } open)
            return new ReadinessDescription(Name, false, _stopping.IsCancellationRequested ? "this node has stopped" : "this node has not started yet", []);
        var readiness = open.Runtime.Readiness;
        var ready = IsReady;
        return new ReadinessDescription(Name, ready, ready ? null : readiness.Reason, ready ? [] : [.. readiness.Groups.Select(g => new UnreadyGroup(g.Group, g.Reason))]);
    }

    /// <summary>
    /// Transfers this node's leaderships, as far as there is somebody to take them, within two seconds; requests are still served, through the new leaders.
    /// The first step of a stop that nobody notices.
    /// </summary>
    public Task TransferLeadershipsAsync()
    {
        if (_open is not { } open || Failure.IsCompleted)
            return Task.CompletedTask;
        if (!Interlocked.Exchange(ref _saidStopping, true))
            NodeLog.Stopping(_logger, Name);
        return open.Runtime.TransferLeadershipsAsync(TransferTime, CancellationToken.None);
    }

    /// <summary>
    /// Transfers leaderships, takes no further request, waits up to two seconds for those that are under way, closes the files. A node that is starting is stopped as soon as it has. Later calls wait for the first;
    /// afterwards every operation ends as unavailable.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token fired; the node stops all the same.</exception>
    public Task StopAsync(CancellationToken cancellationToken = default) => _stopped.Value.WaitAsync(cancellationToken);

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public ValueTask DisposeAsync() => new(_stopped.Value);

    private static bool IsSkipped(PendingOperation<bool> operation)
    {
        if (operation.Status == OperationStatus.OutcomeUnknown)
            throw new OutcomeUnknownException($"Whether group {operation.Group} has skipped the entry was not heard of ({operation.Reason}); to ask again does no harm.", default);
        TenantChecks.Ended(operation);
        return new CommandResult(operation.Result.Span).Status == ResultStatus.Ok;
    }

    /// <summary>As <see cref="StopAsync"/>, for those who can only block.</summary>
    public void Dispose() => _stopped.Value.GetAwaiter().GetResult();

    private void Sample()
    {
        // The timer may call again before the last call has ended, on a machine that is slow enough: one of them is enough.
        if (_open is not { } open || !Monitor.TryEnter(_sampling!))
            return;
        try
        {
            var isChanged = open.Runtime.Readiness.Sample(open.Runtime.Now);
            // Nothing changes on a node that never becomes ready: whoever waits for it wants to know why.
            var isLate = !_saidLate && !_firstReady.Task.IsCompleted && _uptime.Elapsed >= LateAfter;
            if (_stopping.IsCancellationRequested || !(isChanged || isLate))
                return;
            var readiness = DescribeReadiness();
            if (readiness.Ready)
            {
                NodeLog.Ready(_logger, Name);
                _firstReady.TrySetResult();
                return;
            }

            _saidLate |= isLate;
            NodeLog.NotReady(_logger, readiness, Describe());
        }
        finally
        {
            Monitor.Exit(_sampling!);
        }
    }

    private static RaftKvOptions Checked(RaftKvOptions options)
    {
        options.Validate();
        return options;
    }

    private static string? NameOf(OpenNode open, ulong number) => open.Members.FirstOrDefault(m => m.Number == number)?.Name;

    private async Task OpenOnceAsync(ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        try
        {
            either.Token.ThrowIfCancellationRequested();
            if (_refusal is not null)
                throw _refusal;
            loggers = new ForgivingLoggerFactory(loggers);
            _logger = loggers.CreateLogger<RaftKvNode>();
            NodeLog.Starting(_logger, Options);
            var began = Stopwatch.GetTimestamp();
            var open = await NodeStarter.StartAsync(Options, loggers, either.Token).ConfigureAwait(false);
            NodeLog.Started(_logger, Name, (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds, open.Recovered);
            _open = open;
            _uptime.Start();
            _ = open.Runtime.Failure.ContinueWith((failed, failure) => ((TaskCompletionSource<string>)failure!).TrySetResult(failed.Result), _failure, TaskScheduler.Default);
            _sampling = new Timer(static node => ((RaftKvNode)node!).Sample(), this, TimeSpan.Zero, SampleInterval);
            _starting.HandOn(open.Runtime);
            DefaultTenant.Use(open.Runtime);
        }
        catch (Exception e) when (e is DataDirectoryException or InvalidDataException or IOException or UnauthorizedAccessException or Engine.Wal.WalDamagedException
            or Engine.Wal.ForeignDataException or Engine.Wal.UnsupportedFormatException or StoreDamagedException or StoreFailedException)
        {
            // The system's own sentences name some path, or none: not what was configured.
            var message = e is IOException or UnauthorizedAccessException ? $"data directory {Options.DataDirectory} cannot be used: {e.Message}" : e.Message;
            _starting.Refuse($"the node could not start: {message}");
            throw new RaftKvStartException(message, e);
        }
        catch (Exception e)
        {
            _starting.Refuse($"the node could not start: {e.Message.TrimEnd('.')}");
            throw;
        }
    }

    private async Task StopOnceAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Task? opening;
        lock (_gate)
        {
            // From here on OpenAsync finds that it came too late.
            opening = _opening ??= Task.FromCanceled(_stopping.Token);
        }

        await opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _starting.Refuse("this node has stopped");
        if (_open is not { } open)
            return;
        var began = Stopwatch.GetTimestamp();
        var saved = false;
        if (!Failure.IsCompleted)
        {
            await open.Runtime.TransferLeadershipsAsync(TransferTime, CancellationToken.None).ConfigureAwait(false);
            await open.Runtime.DrainAsync(DrainTime).ConfigureAwait(false);
            saved = await open.Runtime.CheckpointAsync(CheckpointTime).ConfigureAwait(false);
        }

        _sampling?.Dispose();
        await open.Runtime.DisposeAsync().ConfigureAwait(false);
        open.Directory.Dispose();
        NodeLog.Stopped(_logger, Name, (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds, Failure.IsCompleted ? $"it had failed: {Failure.Result}" : saved ? "a checkpoint was taken" : "no checkpoint was taken, the next start replays");
    }
}
