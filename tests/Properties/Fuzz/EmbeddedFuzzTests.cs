using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RaftKv.Hosting;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>
/// No call of the embedding code ends its node, and none harms another caller: random sequences of calls on a real node, wrong ones among them, beside an honest caller that counts.
/// </summary>
public sealed class EmbeddedFuzzTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("raftkv-fuzz-").FullName;
    private RaftKvNode _node = null!;

    public async Task InitializeAsync()
    {
        _node = await RaftKvNode.StartAsync(new RaftKvOptions
        {
            NodeName = "n1",
            DataDirectory = Path.Combine(_directory, "n1"),
            Members = [new RaftKvMember("n1", $"127.0.0.1:{FreePort()}")],
            Groups = 1,
            StoreMemoryBytes = 128 << 20,
            LogSegmentBytes = 16 << 20,
            RequestTimeout = TimeSpan.FromSeconds(30),
        });
    }

    public async Task DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task No_call_ends_the_node_or_harms_another_caller()
    {
        var tenant = _node.DefaultTenant;
        var (accepted, refused, rounds) = (0, 0, 0);
        foreach (var seed in CaseCount.Seeds(120))
        {
            var callers = Enumerable.Range(0, 3).Select(i => new EmbeddedCaller(tenant, new SeededRandom((seed * 3) + (ulong)i), seed)).ToList();
            var work = callers.Select(c => Task.Run(c.RunAsync)).ToList();
            // The honest caller: its results must be its own, in order, whatever the others do.
            var key = "counter-" + seed.ToString(CultureInfo.InvariantCulture);
            for (var n = 1; n <= 10; n++)
            {
                Assert.Equal(n, await tenant.IncrementAsync(key));
                Assert.Equal(n.ToString(CultureInfo.InvariantCulture), (await tenant.GetAsync(key))?.Text);
            }

            await Task.WhenAll(work);
            Assert.False(_node.Failure.IsCompleted, $"RAFTKV_SEED={seed}: the node failed");
            Assert.Equal(11, await tenant.IncrementAsync(key));
            accepted += callers.Sum(c => c.Accepted);
            refused += callers.Sum(c => c.Refused);
            rounds++;
        }

        // Calls that are all refused, or all accepted, look at nothing.
        Assert.True(rounds < 20 || (accepted > 100 && refused > 100), $"{accepted} calls were accepted and {refused} refused");
        await _node.StopAsync();
        foreach (var refusedCall in new Func<Task>[]
        {
            async () => await tenant.GetAsync("k"), async () => await tenant.PutAsync("k", "v"), async () => await tenant.BatchAsync(tenant.CreateBatch().Put("k", "v")),
            async () => await tenant.GetAsync("k", new ReadOptions { Consistency = ReadConsistency.Stale }), async () => await tenant.ScanAsync("").GetAsyncEnumerator().MoveNextAsync(),
        })
            await Assert.ThrowsAsync<UnavailableException>(refusedCall);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
