using RaftKv.Tests.Jepsenish.Nemesis;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>What an operator gets wrong: the host says so in one line, and ends with a code that is not 0.</summary>
[Collection(RealProcesses.Name)]
public class RefusalTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("--bogus")]
    [InlineData("--groups", "0")]
    [InlineData("--resp", "nowhere")]
    [InlineData("--config", "/nonexistent.json")]
    public async Task A_bad_flag(params string[] flag)
    {
        var line = await RefusedAsync(["--id", "n1", "--data", "unused", "--cluster", "n1=127.0.0.1:1", .. flag]);
        Assert.True(flag.Any(word => line.Contains(word.TrimStart('-'), StringComparison.OrdinalIgnoreCase)), $"the line does not say what is wrong: {line}");
    }

    [Fact]
    public async Task A_missing_flag() => Assert.Contains("--cluster", await RefusedAsync(["--id", "n1", "--data", "unused"]), StringComparison.Ordinal);

    [Fact]
    public async Task A_port_that_is_taken()
    {
        using var bench = await Bench.StartAsync(1);
        var node = bench.Cluster.Nodes[0];
        var other = Path.Combine(bench.Cluster.Directory, "other");
        foreach (var (flag, port) in new[] { ("", node.PeerPort), ("--resp", node.RespPort), ("--http", node.HttpPort) })
        {
            var own = flag.Length == 0 ? port : RealCluster.FreePort();
            string[] more = flag.Length == 0 ? [] : [flag, $"127.0.0.1:{port}"];
            var line = await RefusedAsync(["--id", "n1", "--data", $"{other}-{port}", "--cluster", $"n1=127.0.0.1:{own}", .. more]);
            Assert.Contains($"{port}", line, StringComparison.Ordinal);
        }
        Assert.True(node.Process!.IsAlive);
    }

    [Fact]
    public async Task A_data_directory_that_another_process_uses()
    {
        using var bench = await Bench.StartAsync(1);
        var node = bench.Cluster.Nodes[0];
        Assert.Contains(node.DataDirectory, await RefusedAsync(bench.Cluster.Arguments(node).Take(7)), StringComparison.Ordinal);
        await Bench.FillAsync(node, "still", 3);
    }

    [Fact]
    public async Task A_data_directory_whose_lock_file_was_removed_is_still_the_first_processs()
    {
        using var bench = await Bench.StartAsync(1);
        var node = bench.Cluster.Nodes[0];
        File.Delete(Path.Combine(node.DataDirectory, "lock"));
        Assert.Contains("in use by another node", await RefusedAsync(["--id", "n1", "--data", node.DataDirectory, "--cluster", $"n1=127.0.0.1:{RealCluster.FreePort()}", "--resp", "none", "--http", "none"]), StringComparison.Ordinal);
        await Bench.FillAsync(node, "still", 3);
    }

    /// <summary>The addresses of a cluster may all change; its nodes' names and the number of its groups may not, and the line says which did.</summary>
    [Fact]
    public async Task A_data_directory_that_was_founded_otherwise()
    {
        using var bench = await Bench.StartAsync(1);
        var node = bench.Cluster.Nodes[0];
        await Bench.FillAsync(node, "kept", 5);
        await node.Process!.KillAsync();
        string[] start = ["--id", "n1", "--data", node.DataDirectory, "--resp", $"127.0.0.1:{node.RespPort}", "--http", $"127.0.0.1:{node.HttpPort}", "--cluster"];
        var moved = $"n1=localhost:{RealCluster.FreePort()}";
        Assert.Contains("was founded with 8 groups, not with 16", await RefusedAsync([.. start, moved, "--groups", "16"]), StringComparison.Ordinal);
        Assert.Contains("they differ in n2", await RefusedAsync([.. start, $"{moved},n2=127.0.0.1:{RealCluster.FreePort()}"]), StringComparison.Ordinal);
        Assert.Contains("not to one named 'blue'", await RefusedAsync([.. start, moved, "--cluster-name", "blue"]), StringComparison.Ordinal);

        var log = Path.GetTempFileName();
        using var again = ServerProcess.Start(RealCluster.BuiltServer(), ["serve", .. start, moved, "--listen", moved[3..]], log);
        Assert.NotNull(await again.Ready.WaitAsync(Patience));
        Assert.Empty(await Bench.MissingAsync(node, "kept", 5));
        await again.KillAsync();
        File.Delete(log);
    }

    [Fact]
    public async Task A_data_directory_of_another_node_or_cluster()
    {
        using var bench = await Bench.StartAsync(3);
        var (first, second) = (bench.Cluster.Nodes[0], bench.Cluster.Nodes[1]);
        await first.Process!.KillAsync();
        await second.Process!.KillAsync();
        var arguments = bench.Cluster.Arguments(first).Select(a => a == first.DataDirectory ? second.DataDirectory : a);
        Assert.Contains(second.DataDirectory, await RefusedAsync(arguments), StringComparison.Ordinal);
        Assert.Contains(
            first.DataDirectory,
            await RefusedAsync(["--id", "n1", "--data", first.DataDirectory, "--cluster", $"n1=127.0.0.1:{RealCluster.FreePort()}"]),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_lost_its_data_does_not_take_part_under_its_old_name()
    {
        using var bench = await Bench.StartAsync(3);
        var node = bench.Cluster.Nodes[2];
        await Bench.FillAsync(bench.Cluster.Nodes[0], "before", 50);
        await node.Process!.KillAsync();
        Directory.Delete(node.DataDirectory, recursive: true);
        var wiped = bench.Cluster.Start(node);
        Assert.True(await wiped.WaitAsync(Patience), "a node without its data was let in by its peers");
        Assert.NotEqual(0, wiped.ExitCode);
        Assert.StartsWith("raftkv: ", wiped.LastError, StringComparison.Ordinal);
        await Bench.FillAsync(bench.Cluster.Nodes[0], "after", 10);
        Assert.Empty(await Bench.MissingAsync(bench.Cluster.Nodes[1], "before", 50));
    }

    /// <summary>Starts the host, which must refuse; returns the one line that says why.</summary>
    private static async Task<string> RefusedAsync(IEnumerable<string> arguments)
    {
        var log = Path.GetTempFileName();
        using var process = ServerProcess.Start(RealCluster.BuiltServer(), ["serve", .. arguments.SkipWhile(a => a == "serve")], log);
        Assert.True(await process.WaitAsync(Patience), "it started, and should not have");
        Assert.NotEqual(0, process.ExitCode);
        Assert.Null(await process.Ready);
        File.Delete(log);
        return Assert.Single(process.Errors, e => e.StartsWith("raftkv: ", StringComparison.Ordinal));
    }
}
