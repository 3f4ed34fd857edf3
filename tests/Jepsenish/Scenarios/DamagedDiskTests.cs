using System.Text;
using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>What a disk does to a log: a torn end is cut, damage before the end is never served.</summary>
[Collection(RealProcesses.Name)]
public class DamagedDiskTests(ITestOutputHelper output)
{
    // A device writes so much at once or not at all, and batches begin at multiples of it.
    private const long Sector = 512;

    [Fact]
    public async Task A_changed_byte_in_the_middle_of_the_log_is_refused_or_repaired()
    {
        using var bench = await Bench.StartAsync(3);
        var node = bench.Cluster.Nodes[2];
        await Bench.FillAsync(node, "key", 300);
        await node.Process!.KillAsync();
        Change(node, Bench.Value("key", 150));
        var process = bench.Cluster.Start(node);
        if (await process.Ready is null)
        {
            Assert.True(await process.WaitAsync(TimeSpan.FromSeconds(10)));
            Assert.NotEqual(0, process.ExitCode);
            output.WriteLine($"refused: {process.LastError}");
            Assert.Single(process.Errors, e => e.StartsWith("raftkv: ", StringComparison.Ordinal));
            Assert.Contains("segment", process.LastError, StringComparison.Ordinal);
        }
        else
        {
            output.WriteLine("repaired");
            await Bench.AwaitWritesAsync(node);
            Assert.Empty(await Bench.MissingAsync(node, "key", 300));
        }
        await Bench.AwaitWritesAsync(bench.Cluster.Nodes[0]);
        Assert.Empty(await Bench.MissingAsync(bench.Cluster.Nodes[0], "key", 300));
    }

    [Fact]
    public async Task Garbage_behind_the_last_batch_is_a_torn_write_and_cut()
    {
        using var bench = await Bench.StartAsync(1);
        var node = bench.Cluster.Nodes[0];
        await Bench.FillAsync(node, "key", 100);
        await node.Process!.KillAsync();
        using (var segment = Last(node, out var end))
        {
            // The begin of a batch that looks like the last one, and no more of it.
            var piece = new byte[Math.Min(48, end)];
            RandomAccess.Read(segment, piece, end - piece.Length);
            RandomAccess.Write(segment, piece, end);
        }
        await bench.Cluster.HealAsync();
        await Bench.AwaitWritesAsync(node);
        Assert.Empty(await Bench.MissingAsync(node, "key", 100));
        await Bench.FillAsync(node, "more", 10);
    }

    [Fact]
    public async Task A_file_cut_behind_its_last_batch_recovers()
    {
        using var bench = await Bench.StartAsync(1);
        var node = bench.Cluster.Nodes[0];
        await Bench.FillAsync(node, "key", 100);
        await node.Process!.KillAsync();
        using (var segment = Last(node, out var end))
            RandomAccess.SetLength(segment, ((end + Sector - 1) & -Sector) + 5);
        await bench.Cluster.HealAsync();
        await Bench.AwaitWritesAsync(node);
        Assert.Empty(await Bench.MissingAsync(node, "key", 100));
    }

    [Fact]
    public async Task The_end_of_a_batch_that_nobody_acknowledged_may_be_lost()
    {
        using var bench = await Bench.StartAsync(3);
        var leader = await bench.Cluster.AwaitLeaderAsync();
        await Bench.FillAsync(leader, "key", 100);
        var others = bench.Cluster.Nodes.Where(n => n != leader).ToList();
        using (var client = await Bench.ConnectAsync(leader, TimeSpan.FromMilliseconds(100)))
        {
            // With both followers frozen the leader writes, and cannot commit.
            others.ForEach(n => n.Process!.Pause());
            var reply = await Worker.TryAsync(client, "SET", "torn", new string('t', 3000));
            Assert.True(reply is null or { IsError: true });
        }
        await leader.Process!.KillAsync();
        using (var segment = Last(leader, out var end))
        {
            // What a power cut does to a batch of several sectors: one of them never reached the disk.
            RandomAccess.Write(segment, new byte[Sector], (end - 1) & -Sector);
        }
        await bench.Cluster.HealAsync();
        foreach (var node in bench.Cluster.Nodes)
        {
            await Bench.AwaitWritesAsync(node);
            Assert.Empty(await Bench.MissingAsync(node, "key", 100));
        }
        Assert.Empty(bench.Cluster.Findings);
    }

    private static void Change(RealNode node, string text)
    {
        var needle = Encoding.UTF8.GetBytes(text);
        foreach (var path in Bench.Segments(node))
        {
            var bytes = File.ReadAllBytes(path);
            var at = bytes.AsSpan().IndexOf(needle);
            if (at < 0)
                continue;
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
            RandomAccess.Write(file, new[] { (byte)(bytes[at + 3] ^ 0x40) }, at + 3);
            return;
        }
        Assert.Fail($"{text} is in no segment of {node.Name}");
    }

    /// <summary>Opens the segment that holds the end of the log, and says where its bytes end.</summary>
    private static Microsoft.Win32.SafeHandles.SafeFileHandle Last(RealNode node, out long end)
    {
        // A prepared segment begins with a header and is zero behind it; the one in use holds a written key.
        var path = Bench.Segments(node).Last(p => File.ReadAllBytes(p).AsSpan().IndexOf("<value of "u8) >= 0);
        end = File.ReadAllBytes(path).AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
    }
}
