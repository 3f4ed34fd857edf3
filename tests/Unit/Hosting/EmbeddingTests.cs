using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Hosting;
using Xunit;

namespace RaftKv.Tests.Unit.Hosting;

/// <summary>A node in an application: made, started, stopped and disposed by its host and its service provider, in whatever order.</summary>
public sealed class EmbeddingTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("raftkv-embed-").FullName;
    private readonly int _port = FreePort();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hosted_service_uses_the_tenant_from_its_start_to_its_stop_whatever_the_order(bool before)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        if (before)
            builder.Services.AddHostedService<Worker>();
        builder.Services.AddRaftKv(Configure);
        if (!before)
            builder.Services.AddHostedService<Worker>();
        using var host = builder.Build();
        await host.StartAsync();
        Assert.Equal("started", (await host.Services.GetRequiredService<Tenant>().GetAsync("worker"))?.Text);
        await host.StopAsync();
        Assert.Equal(2, Worker.LastCount);
        await Assert.ThrowsAsync<UnavailableException>(() => host.Services.GetRequiredService<Tenant>().GetAsync("worker").AsTask());
    }

    /// <summary>The node's constructor threw while the host resolved its services, and then the host could not be stopped: "Value cannot be null. (Parameter 'source')".</summary>
    [Fact]
    public async Task A_host_whose_node_refuses_its_options_says_so_at_the_start_and_can_be_stopped()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddRaftKv(o => o.NodeName = "n1");
        builder.Services.AddSingleton<IHostedService>(services => new Bystander(services.GetRequiredService<Tenant>()));
        using var host = builder.Build();
        Assert.StartsWith("DataDirectory is ", (await Assert.ThrowsAsync<ArgumentException>(() => host.StartAsync())).Message, StringComparison.Ordinal);
        await host.StopAsync();
        await Assert.ThrowsAsync<UnavailableException>(() => host.Services.GetRequiredService<Tenant>().GetAsync("k").AsTask());
    }

    /// <summary>Most stops under load left all calls under way with an unknown outcome, though there was time to answer them.</summary>
    [Fact]
    public async Task A_stop_completes_what_is_under_way_and_refuses_what_comes_later()
    {
        for (var round = 0; round < 5; round++)
        {
            var node = await RaftKvNode.StartAsync(Options());
            await node.DefaultTenant.IncrementAsync("n");
            var callers = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
            {
                while (true)
                {
                    try
                    {
                        await node.DefaultTenant.IncrementAsync("n");
                    }
                    catch (UnavailableException)
                    {
                        return;
                    }
                }
            })).ToList();
            await Task.Yield();
            await node.StopAsync();
            await Task.WhenAll(callers);
            Assert.True(node.TransferLeadershipsAsync().IsCompletedSuccessfully);
            Assert.Contains("this node has stopped", (await Assert.ThrowsAsync<UnavailableException>(() => node.DefaultTenant.GetAsync("n").AsTask())).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_asked_before_the_start_waits_for_it()
    {
        await using var node = new RaftKvNode(Options());
        Assert.False(node.IsReady);
        Assert.Equal(["n1"], node.Describe().Nodes.Select(n => n.Id));
        var counts = Enumerable.Range(0, 20).Select(_ => node.DefaultTenant.IncrementAsync("n").AsTask()).ToList();
        var tooShort = node.DefaultTenant.GetAsync("k", new ReadOptions { Timeout = TimeSpan.FromMilliseconds(1) }).AsTask();
        Assert.Contains("before the node had started", (await Assert.ThrowsAsync<UnavailableException>(() => tooShort)).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(counts, c => c.IsCompleted);
        await node.OpenAsync(NullLoggerFactory.Instance, default);
        Assert.Equal(Enumerable.Range(1, 20).Select(n => (long)n), await Task.WhenAll(counts));
    }

    [Fact]
    public async Task What_is_asked_of_a_node_that_cannot_start_is_told_why()
    {
        using var taken = new TcpListener(IPAddress.Loopback, _port);
        taken.Start();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddRaftKv(Configure);
        using var host = builder.Build();
        var tenant = host.Services.GetRequiredService<Tenant>();
        var early = tenant.GetAsync("k").AsTask();
        var start = await Assert.ThrowsAsync<RaftKvStartException>(() => host.StartAsync());
        foreach (var asked in new[] { early, tenant.GetAsync("k").AsTask() })
            Assert.Contains(start.Message, (await Assert.ThrowsAsync<UnavailableException>(() => asked)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_service_provider_is_disposed_either_way_and_frees_the_directory(bool started)
    {
        for (var round = 0; round < 2; round++)
        {
            var services = new ServiceCollection().AddRaftKv(Configure);
            var provider = services.BuildServiceProvider();
            var node = provider.GetRequiredService<RaftKvNode>();
            Assert.Same(node.DefaultTenant, provider.GetRequiredService<Tenant>());
            if (started)
                await node.OpenAsync(NullLoggerFactory.Instance, default);
            if (round == 0)
                provider.Dispose();
            else
                await provider.DisposeAsync();
            provider.Dispose();
            node.Dispose();
            await node.DisposeAsync();
            await node.StopAsync();
            Assert.False(node.IsReady);
        }
    }

    [Fact]
    public async Task A_node_that_is_disposed_while_it_starts_ends_and_frees_the_directory()
    {
        for (var round = 0; round < 6; round++)
        {
            var node = new RaftKvNode(Options());
            var early = node.DefaultTenant.PutAsync("k", "v").AsTask();
            var start = round == 0 ? Task.CompletedTask : node.OpenAsync(NullLoggerFactory.Instance, default);
            await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Task.Run(async () =>
            {
                if (i == 0)
                    node.Dispose();
                else
                    await node.DisposeAsync();
            })));
            Assert.True(start.IsCompleted);
            if (round == 0)
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.OpenAsync(NullLoggerFactory.Instance, default));
            try
            {
                await early;
            }
            catch (RaftKvException)
            {
                // It came before the end, or it did not.
            }
        }

        await using var last = await RaftKvNode.StartAsync(Options());
    }

    [Fact]
    public async Task Callers_beside_the_stop_meet_no_closed_store()
    {
        var node = await RaftKvNode.StartAsync(Options());
        var tenant = node.DefaultTenant;
        await tenant.PutAsync("k", new string('v', 10_000));
        var reading = new CountdownEvent(4);
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (var n = 0; ; n++)
            {
                if (n == 1)
                    reading.Signal();
                try
                {
                    Assert.Equal(10_000, (await tenant.GetAsync("k"))?.Value.Length);
                }
                catch (UnavailableException)
                {
                    return;
                }
            }
        })).ToList();
        reading.Wait();
        await node.StopAsync();
        await Task.WhenAll(readers);
    }

    [Fact]
    public async Task A_start_after_a_clean_stop_replays_nothing_and_the_log_says_what_happened()
    {
        var lines = new ConcurrentQueue<string>();
        using var loggers = LoggerFactory.Create(b => b.AddProvider(new LineProvider(lines)));
        for (var round = 0; round < 2; round++)
        {
            await using var node = await RaftKvNode.StartAsync(Options(), loggers);
            for (var i = 0; i < 50; i++)
                await node.DefaultTenant.PutAsync($"k{round}-{i}", "v");
            await node.FirstReady;
            Assert.True(node.IsReady);
            Assert.True(node.DescribeReadiness().Ready);
            await node.TransferLeadershipsAsync();
            Assert.Equal("this node is stopping", node.DescribeReadiness().Reason);
        }

        string[] expected =
        [
            "RaftKv ", "its directory is new", "n1 leads group 1 in term", "is ready", "node n1 stops", "a checkpoint was taken",
            "RaftKv ", "1 of 1 groups recovered", ", 0 entries behind their checkpoints", "n1 leads group 1 in term", "is ready", "a checkpoint was taken",
        ];
        var position = 0;
        var all = string.Join('\n', lines);
        foreach (var part in expected)
        {
            position = all.IndexOf(part, position, StringComparison.Ordinal);
            Assert.True(position >= 0, $"'{part}' is not where it should be in:\n{all}");
        }

        Assert.DoesNotContain("Warning", all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_options_that_a_node_runs_with_are_its_own()
    {
        var options = Options();
        await using var node = await RaftKvNode.StartAsync(options);
        options.NodeName = "other";
        options.Members.Clear();
        Assert.Equal(("n1", 1), (node.Name, node.Options.Members.Count));
        Assert.Throws<ArgumentException>(() => new RaftKvNode(new RaftKvOptions { NodeName = "n1", DataDirectory = "d", Members = null! }));
        Assert.Throws<ArgumentException>(() => new RaftKvNode(new RaftKvOptions { NodeName = "n1", DataDirectory = "d", Members = [null!] }));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private RaftKvOptions Options()
    {
        var options = new RaftKvOptions();
        Configure(options);
        return options;
    }

    private void Configure(RaftKvOptions options)
    {
        options.NodeName = "n1";
        options.DataDirectory = Path.Combine(_directory, "n1");
        options.Members = [new RaftKvMember("n1", $"127.0.0.1:{_port}")];
        options.Groups = 1;
        options.StoreMemoryBytes = 128 << 20;
        options.LogSegmentBytes = 4 << 20;
        options.RequestTimeout = TimeSpan.FromSeconds(30);
    }

    /// <summary>Has the tenant from its construction on, and does nothing with it.</summary>
    private sealed class Bystander(Tenant tenant) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.FromResult(tenant);
    }

    private sealed class LineProvider(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue($"{logLevel}: {formatter(state, exception)}");

        public void Dispose()
        {
        }
    }

    private sealed class Worker(Tenant tenant, RaftKvNode node) : IHostedService
    {
        public static long LastCount { get; private set; }

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            Assert.Equal("n1", node.Name);
            await tenant.PutAsync("worker", "started", cancellationToken: cancellationToken);
            await tenant.DeleteAsync("count", cancellationToken: cancellationToken);
            await tenant.IncrementAsync("count", cancellationToken: cancellationToken);
        }

        public async Task StopAsync(CancellationToken cancellationToken) => LastCount = await tenant.IncrementAsync("count", cancellationToken: cancellationToken);
    }
}
