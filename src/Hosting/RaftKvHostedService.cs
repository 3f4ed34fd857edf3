using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace RaftKv.Hosting;

/// <summary>Ties a node's life to the application's. A node that fails stops the application: it must not go on with state that nobody replicates.</summary>
internal sealed partial class RaftKvHostedService(
    IOptions<RaftKvOptions> options,
    ILoggerFactory loggers,
    IHostApplicationLifetime lifetime,
    ILogger<RaftKvHostedService> logger) : IHostedService, IAsyncDisposable
{
    private RaftKvNode? _node;

    public RaftKvNode Node => _node ?? throw new InvalidOperationException("The RaftKv node has not started yet: it starts with the application's hosted services.");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _node = await RaftKvNode.StartAsync(options.Value, loggers, cancellationToken);
        _ = StopApplicationOnFailureAsync(_node);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _node?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
    }

    private async Task StopApplicationOnFailureAsync(RaftKvNode node)
    {
        var reason = await node.Failure;
        LogNodeFailed(reason);
        lifetime.StopApplication();
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "the application stops because its RaftKv node had to: {reason}")]
    private partial void LogNodeFailed(string reason);
}
