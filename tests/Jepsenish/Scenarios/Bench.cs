using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>A cluster in a temporary directory, and the few things that scenarios do with it.</summary>
internal sealed class Bench : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory;

    private Bench(string directory, RealCluster cluster) => (_directory, Cluster) = (directory, cluster);

    /// <summary>The nodes.</summary>
    public RealCluster Cluster { get; }

    /// <summary>Starts a cluster.</summary>
    public static async Task<Bench> StartAsync(int nodes, string? directory = null, string? config = null, ClusterSeams? seams = null)
    {
        directory ??= Directory.CreateTempSubdirectory("raftkv-scenario-").FullName;
        var bench = new Bench(directory, new RealCluster(directory, RealCluster.BuiltServer(), config, nodes, seams));
        try
        {
            await bench.Cluster.StartAsync();
            await bench.Cluster.AwaitLeaderAsync();
            return bench;
        }
        catch
        {
            bench.Dispose();
            throw;
        }
    }

    /// <summary>A client of a node.</summary>
    public static async Task<RespClient> ConnectAsync(RealNode node, TimeSpan? limit = null) =>
        await RespClient.TryConnectAsync(node.RespPort, limit ?? TimeSpan.FromSeconds(10)) ?? throw new IOException($"{node.Name} takes no connection");

    /// <summary>Writes keys of a prefix, with values that contain the key, all acknowledged.</summary>
    public static async Task FillAsync(RealNode node, string prefix, int count)
    {
        await AwaitWritesAsync(node);
        using var client = await ConnectAsync(node);
        for (var i = 0; i < count; i++)
        {
            var reply = await client.AskAsync("SET", $"{prefix}-{i}", Value(prefix, i));
            if (reply.IsError)
                throw new InvalidOperationException($"SET {prefix}-{i}: {reply.Text}");
        }
    }

    /// <summary>The keys of <see cref="FillAsync"/> that a node does not give back as they were written.</summary>
    public static async Task<IReadOnlyList<string>> MissingAsync(RealNode node, string prefix, int count)
    {
        using var client = await ConnectAsync(node);
        var replies = await client.AskAsync([.. Enumerable.Range(0, count).Select(i => new[] { "GET", $"{prefix}-{i}" })]);
        return [.. Enumerable.Range(0, count).Where(i => replies[i].Text != Value(prefix, i)).Select(i => $"{prefix}-{i}: {replies[i].Text ?? "absent"}")];
    }

    /// <summary>Waits until a node has a write acknowledged.</summary>
    public static async Task AwaitWritesAsync(RealNode node)
    {
        var served = await RealTime.Until(
            async () =>
            {
                using var client = await RespClient.TryConnectAsync(node.RespPort, TimeSpan.FromSeconds(5));
                return client is not null && await Worker.TryAsync(client, "SET", "probe", "1") is { IsError: false };
            },
            Patience);
        if (!served)
            throw new TimeoutException($"{node.Name} takes no writes within {Patience.TotalSeconds} s");
    }

    /// <summary>Log segments of a node, in order.</summary>
    public static IReadOnlyList<string> Segments(RealNode node) => [.. Directory.GetFiles(Path.Combine(node.DataDirectory, "wal"), "*.seg").Order(StringComparer.Ordinal)];

    /// <summary>The value that <see cref="FillAsync"/> writes.</summary>
    public static string Value(string prefix, int i) => $"<value of {prefix}-{i}>";

    /// <inheritdoc/>
    public void Dispose()
    {
        Cluster.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
