using System.Diagnostics;
using System.Globalization;
using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>Disks that hang or fail, and clocks that jump. Needs a C compiler, to build what stands between a process and its machine.</summary>
[Collection(RealProcesses.Name)]
public class FailingMachineTests(ITestOutputHelper output)
{
    private static readonly ClusterSeams Seams = new() { Machine = true };

    /// <summary>hashicorp/raft#503: the disk under the leader hangs, its heartbeats go on, and nobody takes over.</summary>
    [Fact]
    public async Task A_leader_whose_disk_hangs_is_replaced()
    {
        using var bench = await Bench.StartAsync(3, seams: Seams);
        if (IsMissing(bench))
            return;
        var old = await bench.Cluster.AwaitLeaderAsync();
        var other = bench.Cluster.Nodes.First(n => n != old);
        await Bench.FillAsync(old, "before", 50);
        var syncs = old.Machine!.SyncCount;
        Assert.True(syncs > 0, "the process under test does not call the shim");

        old.Machine.SetSync(DiskMode.Hang);
        old.Machine.SetWrite(DiskMode.Hang);
        var hung = Stopwatch.StartNew();
        // It notices when it writes. The write that makes it so is not waited for.
        using var stuck = await Bench.ConnectAsync(old, TimeSpan.FromMinutes(1));
        var unanswered = Worker.TryAsync(stuck, "SET", "stuck", "1");
        RealNode? leader = null;
        var left = await RealTime.Until(async () => (leader = await bench.Cluster.LeaderSeenByAsync(other)) is not null && leader != old, TimeSpan.FromSeconds(20));
        output.WriteLine($"leadership left {hung.ElapsedMilliseconds} ms after the disk hung; the election timeout is 300 ms");
        Assert.True(left, "the leader whose disk hangs still leads after 20 s");
        await Bench.AwaitWritesAsync(other);
        output.WriteLine($"writes were taken again {hung.ElapsedMilliseconds} ms after the disk hung");
        await Bench.FillAsync(other, "during", 50);

        old.Machine.Heal();
        await unanswered;
        await Bench.AwaitWritesAsync(old);
        Assert.Empty(await Bench.MissingAsync(old, "before", 50));
        Assert.Empty(await Bench.MissingAsync(old, "during", 50));
        Assert.True(old.Process!.IsAlive);
    }

    [Fact]
    public async Task A_failed_sync_ends_the_node_and_nothing_is_acknowledged_after_it()
    {
        using var bench = await Bench.StartAsync(1, seams: Seams);
        if (IsMissing(bench))
            return;
        var node = bench.Cluster.Nodes[0];
        await Bench.FillAsync(node, "before", 50);
        using var client = await Bench.ConnectAsync(node);
        var (acknowledged, tooLate) = (0, 0);
        for (var i = 0; i < 10_000; i++)
        {
            if (i == 20)
                node.Machine!.SetSync(DiskMode.Error);
            var failedBefore = node.Machine!.ErrorCount > 0;
            if (await Worker.TryAsync(client, "SET", $"more-{i}", Bench.Value("more", i)) is not { IsError: false })
                break;
            acknowledged++;
            tooLate += failedBefore ? 1 : 0;
        }
        Assert.Equal(0, tooLate);
        Assert.InRange(acknowledged, 20, 9_999);
        Assert.True(await node.Process!.WaitAsync(TimeSpan.FromSeconds(20)), "the node goes on after a failed sync");
        Assert.Equal(1, node.Process.ExitCode);
        output.WriteLine(node.Process.LastError);
        Assert.StartsWith("raftkv: ", node.Process.LastError, StringComparison.Ordinal);

        node.Process.ExpectEnd(true);
        await bench.Cluster.HealAsync();
        await Bench.AwaitWritesAsync(node);
        Assert.Empty(await Bench.MissingAsync(node, "before", 50));
        Assert.Empty(await Bench.MissingAsync(node, "more", acknowledged));
        Assert.Empty(bench.Cluster.Findings);
    }

    [Fact]
    public async Task A_wall_clock_that_jumps_changes_the_time_that_is_told_and_no_leader()
    {
        // Nobody may be elected for another reason than the jump, on the busiest machine neither.
        using var bench = await Bench.StartAsync(3, config: """{ "electionTimeoutMs": 3000 }""", seams: Seams);
        if (IsMissing(bench))
            return;
        var leader = await bench.Cluster.AwaitLeaderAsync();
        await Bench.FillAsync(leader, "before", 20);
        var jump = TimeSpan.FromHours(-5);
        foreach (var node in bench.Cluster.Nodes)
        {
            using var client = await Bench.ConnectAsync(node);
            var before = await TellAsync(client);
            node.Machine!.SetClock(jump);
            Assert.InRange(await TellAsync(client) - before, jump.TotalSeconds - 1, jump.TotalSeconds + 60);
        }
        await Bench.FillAsync(leader, "after", 20);
        Assert.Equal(leader, await bench.Cluster.LeaderAsync());
        Assert.Empty(await Bench.MissingAsync(leader, "before", 20));
    }

    private static async Task<double> TellAsync(RespClient client) => double.Parse((await client.AskAsync("TIME")).Items![0].Text!, CultureInfo.InvariantCulture);

    private bool IsMissing(Bench bench)
    {
        if (bench.Cluster.HasMachine)
            return false;
        output.WriteLine("skipped: there is no C compiler to build the shim with");
        return true;
    }
}
