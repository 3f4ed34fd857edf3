using System.Net;
using RaftKv.Hosting;
using RaftKv.Server.Resp;

namespace RaftKv.Server.Cli;

/// <summary>The life of a process that hosts nodes: start, listen, wait for a signal or a failure, stop in an order that loses nothing.</summary>
internal static class NodeProcess
{
    /// <summary>Runs until a signal asks to stop or a node fails. Clients are served by the first node.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<RaftKvOptions> all, IPEndPoint? resp, IPEndPoint? http, Action<RaftKvNode> announce)
    {
        using var loggers = LoggerFactory.Create(ConsoleLogging.Add);
        var nodes = new List<RaftKvNode>();
        try
        {
            foreach (var options in all)
                nodes.Add(await RaftKvNode.StartAsync(options, loggers));
            await using var app = ServerHost.Build(RespFor(nodes[0], loggers), new NodeView(nodes[0].Describe, () => nodes[0].IsReady), resp, http);
            await app.StartAsync();
            announce(nodes[0]);
            return await ServeAsync(app, nodes);
        }
        catch (RaftKvStartException e)
        {
            return CommandLine.Fail(ExitCode.CannotStart, e.Message);
        }
        catch (IOException e)
        {
            // Kestrel's word for a port that is taken.
            return CommandLine.Fail(ExitCode.CannotStart, e.Message.TrimEnd('.'));
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    private static async Task<int> ServeAsync(WebApplication app, List<RaftKvNode> nodes)
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = app.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        var failures = nodes.Select(n => n.Failure).ToList();
        await Task.WhenAny([stopping.Task, .. failures]);
        if (failures.FirstOrDefault(f => f.IsCompleted) is { } failure)
        {
            await app.StopAsync();
            return CommandLine.Fail(ExitCode.Failed, $"the node stopped: {await failure}");
        }

        // Leaderships first, while requests are still answered; then the clients, who get the answers to what they sent; then the files.
        await Task.WhenAll(nodes.Select(n => n.HandOverLeadershipsAsync()));
        await app.StopAsync();
        await Task.WhenAll(nodes.Select(n => n.StopAsync()));
        return (int)ExitCode.Done;
    }

    private static RespServer RespFor(RaftKvNode node, ILoggerFactory loggers) =>
        new(node.Executor, node.DefaultGroup, node.Describe, loggers.CreateLogger<RespServer>())
        {
            NodeName = node.Name,
            RequestTimeout = node.Options.RequestTimeout,
            Limits = new RespLimits
            {
                MaxKeyBytes = node.Options.MaxKeyBytes,
                MaxValueBytes = node.Options.MaxValueBytes,
                MaxCommandBytes = node.Options.MaxValueBytes + (1 << 20),
            },
        };
}
