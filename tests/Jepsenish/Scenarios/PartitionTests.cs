using System.Diagnostics;
using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>What nodes do when the network between them lies, is silent or breaks.</summary>
[Collection(RealProcesses.Name)]
public class PartitionTests(ITestOutputHelper output)
{
    private static readonly ClusterSeams Seams = new() { Network = true };

    /// <summary>etcd#741: the old leader, which cannot know that it has been replaced, answers reads from its own state.</summary>
    [Fact]
    public async Task An_isolated_leader_gives_no_read_that_a_new_leader_has_made_stale()
    {
        using var bench = await Bench.StartAsync(3, seams: Seams);
        var old = await bench.Cluster.AwaitLeaderAsync();
        var other = bench.Cluster.Nodes.First(n => n != old);
        await Bench.AwaitWritesAsync(old);
        using (var client = await Bench.ConnectAsync(old))
            Assert.False((await client.AskAsync("SET", "key", "old")).IsError);

        // Frozen as well: when it goes on it is as sure of its lease as it was, and has not yet had the time to find out that nobody answers it. It is asked while it is frozen.
        var waiting = new List<RespClient>();
        for (var i = 0; i < 4; i++)
            waiting.Add(await Bench.ConnectAsync(old));
        var isolated = Stopwatch.StartNew();
        old.Process!.Pause();
        foreach (var link in bench.Cluster.Network!.Around(bench.Cluster.NumberOf(old)))
            link.Stalled = true;
        await WriteAsync(other, "new");
        output.WriteLine($"the majority took a write {isolated.ElapsedMilliseconds} ms after the leader was isolated");

        // Readers on the old leader, all of which ask after the new value was acknowledged; some are answered only after healing.
        using var end = new CancellationTokenSource();
        var readers = waiting.Select(client => ReadAsync(old, client, end.Token)).ToList();
        old.Process.Resume();
        await RealTime.Pass(TimeSpan.FromSeconds(2));
        bench.Cluster.Network.Heal();
        await Bench.AwaitWritesAsync(old);
        using (var client = await Bench.ConnectAsync(old))
            Assert.Equal("new", (await client.AskAsync("GET", "key")).Text);
        await end.CancelAsync();
        var answers = (await Task.WhenAll(readers)).SelectMany(a => a).ToList();
        output.WriteLine(string.Join(", ", answers.GroupBy(a => a).Select(g => $"{g.Key}: {g.Count()}")));
        Assert.NotEmpty(answers);
        Assert.DoesNotContain("old", answers);
    }

    [Fact]
    public async Task Bytes_changed_or_lost_on_their_way_cost_a_connection_and_nothing_else()
    {
        using var bench = await Bench.StartAsync(3, seams: Seams);
        var node = bench.Cluster.Nodes[0];
        await Bench.FillAsync(node, "before", 50);
        foreach (var link in bench.Cluster.Network!.Links)
        {
            link.Corrupt(2);
            link.Truncate(2);
        }
        await Bench.FillAsync(node, "during", 200);
        Assert.True(await RealTime.Until(() => Task.FromResult(bench.Cluster.Network.Links.Sum(l => l.Spoilt) >= 12), TimeSpan.FromSeconds(10)));
        bench.Cluster.Network.Heal();
        foreach (var each in bench.Cluster.Nodes)
        {
            await Bench.AwaitWritesAsync(each);
            Assert.Empty(await Bench.MissingAsync(each, "during", 200));
            Assert.True(each.Process!.IsAlive);
        }
        var lines = bench.Cluster.Nodes.SelectMany(n => n.Process!.Errors).ToList();
        Assert.Contains(lines, l => l.Contains("checksum", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains("crit:", StringComparison.Ordinal));
    }

    private static async Task WriteAsync(RealNode node, string value)
    {
        var written = await RealTime.Until(
            async () =>
            {
                using var client = await Bench.ConnectAsync(node);
                return await Worker.TryAsync(client, "SET", "key", value) is { IsError: false };
            },
            TimeSpan.FromSeconds(20));
        Assert.True(written, "the majority takes no writes");
    }

    private static async Task<List<string>> ReadAsync(RealNode node, RespClient first, CancellationToken end)
    {
        var answers = new List<string>();
        for (var client = first; !end.IsCancellationRequested; client = await Bench.ConnectAsync(node))
        {
            using (client)
            {
                var reply = await Worker.TryAsync(client, "GET", "key");
                answers.Add(reply is null ? "no answer" : reply.IsError ? reply.ErrorCode : reply.Text ?? "absent");
            }
            await RealTime.Pass(TimeSpan.FromMilliseconds(10), end);
        }
        return answers;
    }
}
