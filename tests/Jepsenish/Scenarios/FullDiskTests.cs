using System.Diagnostics;
using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>A disk without space refuses writes, serves reads, and heals by itself. Needs a file system of its own, and so the right to mount one.</summary>
[Collection(RealProcesses.Name)]
public class FullDiskTests(ITestOutputHelper output)
{
    private const string SmallLog = """{ "logSegmentBytes": 4194304 }""";

    [Fact]
    public Task Writes_are_refused_reads_go_on_and_space_heals_it() =>
        OnSmallDiskAsync(96, mount => FillDiskAsync(Path.Combine(mount, "cluster"), Path.Combine(mount, "filler")));

    /// <summary>Several times what the disk holds goes through one key, with the memory and the checkpoints of a large node: garbage has to come back before the disk is full.</summary>
    [Fact]
    public Task One_key_overwritten_for_long_never_fills_a_disk_of_400_MB() => OnSmallDiskAsync(400, async mount =>
    {
        using var bench = await Bench.StartAsync(1, Path.Combine(mount, "cluster"), SmallLog);
        var node = bench.Cluster.Nodes[0];
        await Bench.AwaitWritesAsync(node);
        using var client = await Bench.ConnectAsync(node);
        var value = new string('x', 64 << 10);
        for (var i = 0; i < 1_600; i++)
        {
            var replies = await client.AskAsync([.. Enumerable.Range(0, 16).Select(j => new[] { "SET", "the-key", $"{(i * 16) + j}-{value}" })]);
            Assert.All(replies, reply => Assert.False(reply.IsError, $"write {i * 16} was refused: {reply.Text}"));
        }

        output.WriteLine($"1.6 GB written, {FreeBytes(mount) >> 20} MiB of 400 free");
        await RestartAsync(bench, node);
        await Bench.FillAsync(node, "after", 20);
    });

    /// <summary>Different keys fill the disk; what is removed gives its space back within seconds, to the process that ran into it and to one that finds the disk full.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task What_is_removed_from_a_full_disk_makes_room_for_writes(bool restart) => OnSmallDiskAsync(400, async mount =>
    {
        using var bench = await Bench.StartAsync(1, Path.Combine(mount, "cluster"), SmallLog);
        var node = bench.Cluster.Nodes[0];
        await Bench.AwaitWritesAsync(node);
        var written = await FillWithKeysAsync(node);
        output.WriteLine($"refused after {written} keys of 64 KiB, {FreeBytes(mount) >> 20} MiB free");
        Assert.InRange(written, 1000, 6000);
        if (restart)
            await RestartAsync(bench, node);
        await RemoveAsync(node, "DEL", "big-1");
        Assert.True(await RealTime.Until(async () => await TryAskAsync(node, "FLUSHALL") is { IsError: false }, TimeSpan.FromSeconds(20)), "FLUSHALL is refused on a full disk");
        var clock = Stopwatch.StartNew();
        // What may stay: the store's reserve (50 MiB), the log (64 MiB for followers that lag, 50 MiB that idle groups pin, some segments), and a few pages of the store.
        Assert.True(await RealTime.Until(() => Task.FromResult(FreeBytes(mount) > 160 << 20), TimeSpan.FromSeconds(20)), $"{FreeBytes(mount) >> 20} MiB are free 20 s after FLUSHALL");
        output.WriteLine($"{FreeBytes(mount) >> 20} MiB free {clock.ElapsedMilliseconds} ms after FLUSHALL");
        // Of the disk's space only the store's comes back at once; that it does is shown by its own files: what was 240 MiB of records is a few pages and the reserve.
        Assert.True(
            await RealTime.Until(async () => await TryRunAsync("sh", "-c", $"[ $(du -sm {mount}/cluster/*/store-* | awk '{{ n += $1 }} END {{ print n }}') -le 100 ]"), TimeSpan.FromSeconds(10)),
            "the store still holds more than 100 MiB 10 s after FLUSHALL");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"space came back after {clock.Elapsed}");
        await Bench.AwaitWritesAsync(node);
        await Bench.FillAsync(node, "after", 50);
        Assert.Empty(await Bench.MissingAsync(node, "after", 50));
    });

    private async Task OnSmallDiskAsync(int mebibytes, Func<string, Task> test)
    {
        var mount = Directory.CreateTempSubdirectory("raftkv-small-disk-").FullName;
        if (!await TryRunAsync("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "raftkv-test", mount))
        {
            Directory.Delete(mount);
            output.WriteLine("skipped: this user may not mount a small file system");
            return;
        }
        try
        {
            await test(mount);
        }
        finally
        {
            Assert.True(await TryRunAsync("umount", mount));
            Directory.Delete(mount);
        }
    }

    private static long FreeBytes(string mount) => new DriveInfo(mount).AvailableFreeSpace;

    private static async Task RestartAsync(Bench bench, RealNode node)
    {
        node.Process!.ExpectEnd(true);
        await node.Process.KillAsync();
        // Not waited for: a node whose disk is full need not call itself ready.
        bench.Cluster.Start(node);
    }

    private static async Task<int> FillWithKeysAsync(RealNode node)
    {
        using var client = await Bench.ConnectAsync(node);
        var value = new string('x', 64 << 10);
        for (var i = 0; i < 10_000; i++)
        {
            if (await Worker.TryAsync(client, "SET", $"big-{i}", value) is not { IsError: false })
                return i;
        }

        throw new InvalidOperationException("640 MB were written to a disk of 400");
    }

    private static async Task RemoveAsync(RealNode node, params string[] command) =>
        Assert.True(await RealTime.Until(async () => await TryAskAsync(node, command) is { IsError: false }, TimeSpan.FromSeconds(20)), $"{command[0]} is refused on a full disk");

    private static async Task<RespReply?> TryAskAsync(RealNode node, params string[] command)
    {
        using var client = await RespClient.TryConnectAsync(node.RespPort, TimeSpan.FromSeconds(5));
        return client is null ? null : await Worker.TryAsync(client, command);
    }

    private async Task FillDiskAsync(string directory, string filler)
    {
        using var bench = await Bench.StartAsync(1, directory, """{ "logSegmentBytes": 1048576, "checkpointBytes": 4194304, "storeMemoryBytes": 134217728 }""");
        var node = bench.Cluster.Nodes[0];
        await Bench.FillAsync(node, "key", 50);
        Occupy(filler);
        var refusal = await WriteUntilRefusedAsync(node);
        output.WriteLine($"refused: {refusal}");
        Assert.Empty(await Bench.MissingAsync(node, "key", 50));
        Assert.True(node.Process!.IsAlive);
        File.Delete(filler);
        await Bench.AwaitWritesAsync(node);
        await Bench.FillAsync(node, "after", 50);
        Assert.Empty(await Bench.MissingAsync(node, "key", 50));
        Assert.Empty(await Bench.MissingAsync(node, "after", 50));
    }

    private static async Task<string> WriteUntilRefusedAsync(RealNode node)
    {
        var value = new string('x', 64 << 10);
        for (var i = 0; i < 4000; i++)
        {
            using var client = await Bench.ConnectAsync(node);
            var reply = await Worker.TryAsync(client, "SET", $"big-{i % 8}", value);
            Assert.True(reply is not null, "a full disk must give an error, not silence");
            if (reply.IsError)
                return reply.Text!;
        }
        throw new InvalidOperationException("250 MiB were written to a disk without space");
    }

    private static void Occupy(string filler)
    {
        using var file = new FileStream(filler, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[64 << 10];
        try
        {
            while (true)
                file.Write(block);
        }
        catch (IOException)
        {
            return; // That is what it is for: there is no space left.
        }
    }

    private static async Task<bool> TryRunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // There is no such program.
        }
    }
}
