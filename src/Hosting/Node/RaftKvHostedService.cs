using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace RaftKv.Hosting.Node;

/// <summary>
/// Ties a node's life to the application's: it starts before any hosted service does and stops after the last one has, whatever the order of their registrations, so that all of them can use it.
/// A node that fails stops the application: it must not go on with state that nobody replicates.
/// </summary>
internal sealed partial class RaftKvHostedService(RaftKvNode node, ILoggerFactory loggers, IHostApplicationLifetime lifetime, ILogger<RaftKvHostedService> logger) : IHostedLifecycleService
{
    private bool _knowsLifecycle;

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _knowsLifecycle = true;
        return BeginAsync(cancellationToken);
    }

    /// <summary>For a host that calls nothing but this; the node is started once.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => _knowsLifecycle ? Task.CompletedTask : BeginAsync(cancellationToken);

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Leaderships first, while the application still answers, through the new leaders.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken) => node.TransferLeadershipsAsync().WaitAsync(cancellationToken);

    /// <inheritdoc cref="StartAsync"/>
    public Task StopAsync(CancellationToken cancellationToken) => _knowsLifecycle ? Task.CompletedTask : node.StopAsync(cancellationToken);

    public Task StoppedAsync(CancellationToken cancellationToken) => node.StopAsync(cancellationToken);

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        await node.OpenAsync(loggers, cancellationToken);
        _ = StopApplicationOnFailureAsync();
    }

    private async Task StopApplicationOnFailureAsync()
    {
        var reason = await node.Failure;
        LogNodeFailed(reason);
        lifetime.StopApplication();
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "the application stops because its RaftKv node had to: {reason}")]
    private partial void LogNodeFailed(string reason);
}
