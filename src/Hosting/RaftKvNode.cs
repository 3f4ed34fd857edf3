using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.Commands;
using RaftKv.Engine.Store;

namespace RaftKv.Hosting;

/// <summary>A running node of a cluster, in this process. Thread-safe.</summary>
public sealed class RaftKvNode : IAsyncDisposable
{
    private static readonly TimeSpan HandOverTime = TimeSpan.FromSeconds(2);

    private readonly NodeRuntime _runtime;
    private readonly DataDirectory _directory;
    private readonly IReadOnlyList<Member> _members;
    private readonly string[] _ids;
    private readonly Lazy<Task> _stopped;

    private RaftKvNode(RaftKvOptions options, IReadOnlyList<Member> members, NodeRuntime runtime, DataDirectory directory)
    {
        (Options, _members, _runtime, _directory) = (options, members, runtime, directory);
        _ids = [.. members.Select(m => m.Name)];
        _stopped = new Lazy<Task>(StopOnceAsync);
        DefaultTenant = new Tenant(runtime, DefaultGroup, new CommandLimits { MaxKeyBytes = options.MaxKeyBytes, MaxValueBytes = options.MaxValueBytes }, options.RequestTimeout);
    }

    /// <summary>This node's name.</summary>
    public string Name => Options.NodeName;

    /// <summary>The options it runs with.</summary>
    public RaftKvOptions Options { get; }

    /// <summary>The group that holds the default tenant's keys.</summary>
    public uint DefaultGroup { get; } = 1;

    /// <summary>The default tenant: keys and values of whoever names no other.</summary>
    public Tenant DefaultTenant { get; }

    /// <summary>The way in for those who speak commands.</summary>
    public IOperationExecutor Executor => _runtime;

    /// <summary>Whether every group has a leader that this node knows, and this node has applied what it knows to be committed.</summary>
    public bool IsReady => _runtime.Views.All(v => v is null || (v.Leader != 0 && v.Applied >= v.Commit));

    /// <summary>Completes, with the reason, when the node had to stop by itself (a failed disk, a broken invariant, an identity refused by its peers). Until then it runs.</summary>
    public Task<string> Failure => _runtime.Failure;

    /// <summary>Opens the data directory, recovers, starts to listen and joins its peers. Returns when the node takes requests, not when the cluster has leaders.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="RaftKvStartException">The data directory is foreign, damaged or in use, or the port is taken: one sentence says which.</exception>
    public static async Task<RaftKvNode> StartAsync(RaftKvOptions options, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        loggers ??= NullLoggerFactory.Instance;
        try
        {
            var node = await NodeStarter.StartAsync(options, loggers, cancellationToken);
            return new RaftKvNode(options, node.Members, node.Runtime, node.Directory);
        }
        catch (Exception e) when (e is DataDirectoryException or InvalidDataException or IOException or UnauthorizedAccessException or Engine.Wal.WalDamagedException
            or Engine.Wal.ForeignDataException or Engine.Wal.UnsupportedFormatException or StoreDamagedException or StoreFailedException)
        {
            throw new RaftKvStartException(e.Message, e);
        }
    }

    /// <summary>The cluster as this node sees it now.</summary>
    public ClusterDescription Describe() => new(
        [.. _members.Select(m => new NodeDescription(m.Name, m.Address, _runtime.IsConnected(m.Number)))],
        DefaultGroup,
        [.. _runtime.Views.Where(v => v is not null).Select(v => new GroupDescription(v.Group, NameOf(v.Leader), v.Term, v.Commit, v.Applied, _ids, []) { HaltedAt = v.HaltedAt, HaltReason = v.HaltReason })]);

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
        var operation = PendingOperation.Rent();
        try
        {
            operation.Group = group;
            operation.Kind = OperationKind.Write;
            operation.Deadline = _runtime.Now + TenantChecks.Nanoseconds(Options.RequestTimeout, Options.RequestTimeout);
            operation.Command.Clear();
            SkipEntryCommand.Encode(operation.Command, index);
            await operation.RunAsync(_runtime, cancellationToken).ConfigureAwait(false);
            return IsSkipped(operation);
        }
        finally
        {
            operation.Release();
        }
    }

    /// <summary>
    /// Hands this node's leaderships over, as far as there is somebody to take them, within two seconds; requests are still served, through the new leaders.
    /// The first step of a stop that nobody notices.
    /// </summary>
    public Task HandOverLeadershipsAsync() => _runtime.HandOverAsync(HandOverTime, CancellationToken.None);

    /// <summary>Hands leaderships over, completes what is under way, closes the files. Later calls wait for the first.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => _stopped.Value.WaitAsync(cancellationToken);

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public ValueTask DisposeAsync() => new(_stopped.Value);

    private static bool IsSkipped(PendingOperation operation)
    {
        TenantChecks.Ended(operation);
        return new CommandResult(operation.Result.Span).Status == ResultStatus.Ok;
    }

    private string? NameOf(ulong number) => _members.FirstOrDefault(m => m.Number == number)?.Name;

    private async Task StopOnceAsync()
    {
        if (!Failure.IsCompleted)
            await _runtime.HandOverAsync(HandOverTime, CancellationToken.None);
        await _runtime.DisposeAsync();
        _directory.Dispose();
    }
}
