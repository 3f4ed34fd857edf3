using System.Globalization;
using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>Data larger than the store's memory, on a disk that reads slowly: who asks for what lies there waits, and nobody else. Needs a C compiler.</summary>
[Collection(RealProcesses.Name)]
public class SlowReadTests(ITestOutputHelper output)
{
    private const int Keys = 2_600;

    [Fact]
    public async Task A_read_from_disk_holds_up_neither_other_clients_nor_writes()
    {
        using var bench = await Bench.StartAsync(1, config: """{ "storeMemoryBytes": 134217728 }""", seams: new ClusterSeams { Machine = true });
        if (!bench.Cluster.HasMachine)
        {
            output.WriteLine("skipped: there is no C compiler to build the shim with");
            return;
        }
        var node = bench.Cluster.Nodes[0];
        await FillAsync(node);
        var reads = node.Machine!.ReadCount;
        using (var client = await Bench.ConnectAsync(node))
            Assert.Equal(Value(0), (await client.AskAsync("GET", Key(0))).Text);
        Assert.True(node.Machine.ReadCount > reads, "the first keys are still in memory: the test proves nothing");

        node.Machine.SetRead(TimeSpan.FromMinutes(1));
        var cold = Enumerable.Range(1, 6).Select(i => ReadAsync(node, i * 7)).ToList();
        await RealTime.Pass(TimeSpan.FromMilliseconds(200));
        using (var client = await Bench.ConnectAsync(node))
        {
            for (var i = 0; i < 100; i++)
            {
                Assert.Equal(Value(Keys - 1), (await client.AskAsync("GET", Key(Keys - 1))).Text);
                Assert.False((await client.AskAsync("SET", "small", "1")).IsError);
            }
        }
        // Order, not time: all that was done while those who asked the disk were still waiting for it.
        Assert.DoesNotContain(cold, c => c.IsCompleted);
        node.Machine.SetRead(default);
        await Task.WhenAll(cold);
    }

    private static async Task ReadAsync(RealNode node, int key)
    {
        using var client = await Bench.ConnectAsync(node, TimeSpan.FromMinutes(1));
        Assert.Equal(Value(key), (await client.AskAsync("GET", Key(key))).Text);
    }

    private static async Task FillAsync(RealNode node)
    {
        await Bench.AwaitWritesAsync(node);
        using var client = await Bench.ConnectAsync(node, TimeSpan.FromMinutes(1));
        foreach (var keys in Enumerable.Range(0, Keys).Chunk(20))
        {
            var replies = await client.AskAsync([.. keys.Select(k => new[] { "SET", Key(k), Value(k) })]);
            Assert.DoesNotContain(replies, r => r.IsError);
        }
    }

    private static string Key(int i) => string.Create(CultureInfo.InvariantCulture, $"key-{i}");

    // 64 KiB each, so that all of them are more than the least memory that a store may have.
    private static string Value(int i) => string.Create(CultureInfo.InvariantCulture, $"{i}:{new string('x', 64 << 10)}");
}
