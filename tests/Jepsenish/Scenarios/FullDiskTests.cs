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
    [Fact]
    public async Task Writes_are_refused_reads_go_on_and_space_heals_it()
    {
        var mount = Directory.CreateTempSubdirectory("raftkv-small-disk-").FullName;
        if (!await TryRunAsync("mount", "-t", "tmpfs", "-o", "size=96m", "raftkv-test", mount))
        {
            Directory.Delete(mount);
            output.WriteLine("skipped: this user may not mount a small file system");
            return;
        }
        try
        {
            await FillDiskAsync(Path.Combine(mount, "cluster"), Path.Combine(mount, "filler"));
        }
        finally
        {
            Assert.True(await TryRunAsync("umount", mount));
            Directory.Delete(mount);
        }
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
