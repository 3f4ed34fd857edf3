using System.Net;
using System.Net.Sockets;
using RaftKv.Hosting;
using RaftKv.Hosting.Node;
using RaftKv.Server.Http;
using RaftKv.Server.Listeners;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Cli;

/// <summary>
/// The life of a host process, the same for one node and for three: start the nodes, open the doors, say so, wait, close the doors, stop the nodes.
/// Invariant: the doors open after the first node takes requests and close before it stops, so that no client meets a node that is half there.
/// </summary>
internal sealed class HostRun(IPEndPoint? resp, IPEndPoint? http, IReadOnlyList<RaftKvOptions> nodes)
{
    /// <summary>A failed node refuses everything at once: this long for its clients to be told so.</summary>
    private static readonly TimeSpan FailedDrainTime = TimeSpan.FromSeconds(1);

    /// <summary>Runs until a signal or a failure.</summary>
    /// <param name="ready">Called once requests are taken, with the node that takes them and where.</param>
    /// <exception cref="CommandLineException">It could not start.</exception>
    public async Task<int> RunAsync(Func<RaftKvNode, Doors, CancellationToken, Task> ready)
    {
        if (resp is not null && resp.Port != 0 && resp.Equals(http))
            throw CommandLineException.Usage($"--resp and --http are both {resp}: each needs an address of its own");
        foreach (var options in nodes)
        {
            RefusePeersPort("--resp", resp, options);
            RefusePeersPort("--http", http, options);
        }

        using var signals = new TerminationSignals();
        // Before anything else is touched: the usual mistake deserves a plain answer, and no node that starts only to stop.
        CheckFree("RESP", resp);
        CheckFree("HTTP", http);
        using var loggers = LoggerFactory.Create(ConsoleLogging.Add);
        var started = new List<RaftKvNode>();
        try
        {
            foreach (var options in nodes)
                started.Add(await RaftKvNode.StartAsync(options, loggers, signals.Token));
            await using var app = Build(started[0], loggers.CreateLogger<RespServer>());
            await StartAsync(app, signals.Token);
            await ready(started[0], Doors.Of(app, resp, http), signals.Token);
            var failed = await WaitAsync(started, signals.Token);
            // While the doors are still open, so that clients notice nothing; nodes that stop together have nobody to transfer to.
            if (failed is null && started.Count == 1)
                await started[0].TransferLeadershipsAsync();
            // Leaderships first, while requests are still answered, through the new leaders.
            if (failed is null)
                await Task.WhenAll(started.Select(n => n.TransferLeadershipsAsync()));
            using var drain = new CancellationTokenSource(failed is null ? ServerHost.DrainTime : FailedDrainTime);
            await app.StopAsync(drain.Token);
            return failed is null ? ExitCode.Ok : throw new CommandLineException(ExitCode.Failed, failed);
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
        {
            return ExitCode.Ok;
        }
        catch (RaftKvStartException e)
        {
            throw new CommandLineException(ExitCode.CannotStart, e.Message, e);
        }
        finally
        {
            // Together: a node that transfers its leaderships needs the others to take them.
            await Task.WhenAll(started.Select(n => n.StopAsync()));
        }
    }

    /// <summary>Nothing is free twice: the node would start, and stop again when its doors cannot be opened. Another address of the machine with the same port may be meant.</summary>
    private static void RefusePeersPort(string flag, IPEndPoint? address, RaftKvOptions options)
    {
        var peers = options.ListenAddress ?? options.Members.Single(m => m.Name == options.NodeName).Address;
        if (address is null || !HostPort.TryParse(peers, AddressUse.ListenForPeers, out var listen, out _) || listen.Port != address.Port)
            return;
        var isEverywhere = address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any);
        if (isEverywhere || listen.IsWildcard || address.Address.Equals(listen.Address))
            throw CommandLineException.Usage($"{flag} and the peers' address are both on port {address.Port}: each needs an address of its own");
    }

    private static void CheckFree(string what, IPEndPoint? address)
    {
        if (address is null)
            return;
        try
        {
            using var probe = new TcpListener(address);
            if (address.Address.Equals(IPAddress.IPv6Any))
                probe.Server.DualMode = true;
            probe.Start();
        }
        catch (SocketException e)
        {
            // Also when the machine has no such family of addresses.
            throw new CommandLineException(ExitCode.CannotStart, $"cannot serve {what} on {address}: {e.Message}", e);
        }
    }

    private WebApplication Build(RaftKvNode node, ILogger logger)
    {
        var options = node.Options;
        var context = new ServerContext(node.Executor, new SingleGroupRouter(node.DefaultGroup), node.Describe, logger)
        {
            NodeName = node.Name,
            RequestTimeout = options.RequestTimeout,
            Limits = new RespLimits
            {
                MaxKeyBytes = options.MaxKeyBytes,
                MaxValueBytes = options.MaxValueBytes,
                MaxCommandBytes = options.MaxValueBytes + (1 << 20),
                MaxQueuedBytes = options.MaxValueBytes,
            },
        };
        var server = new RespServer(context) { MaxClients = DescriptorBudget.OfProcess(nodes.Count).MaxClients };
        return ServerHost.Build(server, new NodeView(node.Describe, node.DescribeReadiness, node.SkipEntryAsync), resp, http);
    }

    private static async Task StartAsync(WebApplication app, CancellationToken cancellation)
    {
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // Somebody took a port since it was looked at.
            throw new CommandLineException(ExitCode.CannotStart, $"cannot listen: {e.Message.Replace("http://", "", StringComparison.Ordinal)}", e);
        }
    }

    /// <summary>The reason of the first node that failed; null once a signal came.</summary>
    private static async Task<string?> WaitAsync(List<RaftKvNode> started, CancellationToken signal)
    {
        var stopped = new TaskCompletionSource();
        await using var registration = signal.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), stopped);
        var failures = started.Select(n => n.Failure).ToList();
        var first = await Task.WhenAny([stopped.Task, .. failures]);
        return first == stopped.Task ? null : await (Task<string>)first;
    }
}
