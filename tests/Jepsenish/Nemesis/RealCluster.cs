using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>What stands between the processes and the real world.</summary>
internal sealed record ClusterSeams
{
    /// <summary>Peers reach each other through this process, which can partition, slow and spoil their links.</summary>
    public bool Network { get; init; }

    /// <summary>The processes' disks and wall clocks can be made to fail, where the machine has a C compiler.</summary>
    public bool Machine { get; init; }

    /// <summary>How many descriptors each process may have; 0 for as many as this one.</summary>
    public int Descriptors { get; init; }
}

/// <summary>Nodes as real processes on this machine, with their data under one directory. Faults are injected by one caller at a time.</summary>
internal sealed class RealCluster : IDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DeathTime = TimeSpan.FromSeconds(10);

    private readonly string _executable;
    private readonly string? _config;
    private readonly int _descriptors;
    private readonly RealNode[] _nodes;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(1) };
    private readonly List<string> _findings = [];
    private bool _isFounded;
    private int _argumentLists;

    /// <summary>Prepares a cluster; starts nothing.</summary>
    /// <param name="directory">Where data and logs go.</param>
    /// <param name="executable">The host.</param>
    /// <param name="config">Content of the nodes' configuration file, or null for none.</param>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="seams">What stands between the processes and the real world; null for nothing.</param>
    public RealCluster(string directory, string executable, string? config = null, int nodes = 3, ClusterSeams? seams = null)
    {
        _executable = executable;
        _descriptors = seams?.Descriptors ?? 0;
        Directory = directory;
        System.IO.Directory.CreateDirectory(directory);
        _nodes = [.. Enumerable.Range(1, nodes).Select(i => new RealNode($"n{i}", Path.Combine(directory, $"n{i}"), Path.Combine(directory, $"n{i}.log"), FreePort(), FreePort(), FreePort()))];
        if (seams is { Network: true })
        {
            foreach (var node in _nodes)
                node.ListenPort = FreePort();
            Network = new PeerNetwork([.. _nodes.Select(n => n.PeerPort)], [.. _nodes.Select(n => n.ListenPort)]);
        }
        if (seams is { Machine: true } && MachineShim.Build(directory) is { } library)
        {
            foreach (var node in _nodes)
                node.Machine = new MachineShim(library, Path.Combine(directory, $"{node.Name}.shim"));
        }
        if (config is not null)
            File.WriteAllText(_config = Path.Combine(directory, "config.json"), config);
    }

    /// <summary>Where data and logs are.</summary>
    public string Directory { get; }

    /// <summary>The nodes.</summary>
    public IReadOnlyList<RealNode> Nodes => _nodes;

    /// <summary>The links between the nodes; null if they reach each other directly.</summary>
    public PeerNetwork? Network { get; }

    /// <summary>Whether disks and clocks can be made to fail.</summary>
    public bool HasMachine => _nodes[0].Machine is not null;

    /// <summary>What went wrong with the processes themselves: one sentence each.</summary>
    public IReadOnlyList<string> Findings => _findings;

    /// <summary>The host that was built with these tests.</summary>
    /// <exception cref="FileNotFoundException">It was not.</exception>
    public static string BuiltServer()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var path = Path.Combine(own.Parent!.Parent!.FullName, "RaftKv.Server", own.Name, "raftkv");
        return File.Exists(path) ? path : throw new FileNotFoundException($"the host is not built: there is no {path}");
    }

    /// <summary>Starts all nodes and waits until they serve.</summary>
    public async Task StartAsync()
    {
        foreach (var node in _nodes)
            Start(node);
        await AwaitReadyAsync(_nodes);
        _isFounded = true;
    }

    /// <summary>Heals links, disks and clocks, starts those that are down, lets those that are frozen go on, waits until they serve.</summary>
    public async Task HealAsync()
    {
        Network?.Heal();
        foreach (var node in _nodes)
            await HealMachineAsync(node);
        foreach (var node in _nodes)
        {
            if (node.Process is { IsAlive: true } process)
            {
                process.Resume();
                continue;
            }
            if (node.Process is { IsExpectedToEnd: false } dead)
                _findings.Add($"{node.Name} ended by itself with code {dead.ExitCode}: {dead.LastError}");
            Start(node);
        }
        await AwaitReadyAsync(_nodes);
    }

    /// <summary>Starts one node, without waiting.</summary>
    public ServerProcess Start(RealNode node, IEnumerable<string>? moreArguments = null)
    {
        node.Process?.Dispose();
        return node.Process = ServerProcess.Start(_executable, [.. Arguments(node), .. moreArguments ?? []], node.LogFile, node.Machine?.Environment, _descriptors);
    }

    /// <summary>The command line of a node. Once the cluster is founded, every second one gives the nodes other addresses, which lead to the same ports: nodes that run disagree about them.</summary>
    public IReadOnlyList<string> Arguments(RealNode node) =>
    [
        "serve", "--id", node.Name, "--data", node.DataDirectory,
        "--cluster", string.Join(',', _nodes.Select(n => $"{n.Name}={(_isFounded && _argumentLists++ / _nodes.Length % 2 == 0 ? "localhost" : "127.0.0.1")}:{n.PeerPort}")),
        "--resp", $"127.0.0.1:{node.RespPort}", "--http", $"127.0.0.1:{node.HttpPort}",
        "--listen", $"127.0.0.1:{(node.ListenPort == 0 ? node.PeerPort : node.ListenPort)}",
        .. _config is null ? Array.Empty<string>() : ["--config", _config],
    ];

    /// <summary>The node that leads the default group, as any node that answers sees it; null if none says.</summary>
    public async Task<RealNode?> LeaderAsync()
    {
        foreach (var node in _nodes)
        {
            if (await LeaderSeenByAsync(node) is { Process.IsAlive: true } leader)
                return leader;
        }
        return null;
    }

    /// <summary>The node that leads the default group, as one node sees it; null if it says none, or nothing.</summary>
    public async Task<RealNode?> LeaderSeenByAsync(RealNode node)
    {
        try
        {
            using var cluster = JsonDocument.Parse(await _http.GetStringAsync(new Uri($"http://127.0.0.1:{node.HttpPort}/v1/cluster")));
            var group = cluster.RootElement.GetProperty("defaultGroup").GetInt64();
            var leader = cluster.RootElement.GetProperty("groups").EnumerateArray().First(g => g.GetProperty("id").GetInt64() == group).GetProperty("leader").GetString();
            return _nodes.FirstOrDefault(n => n.Name == leader);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return null; // It is down, or frozen.
        }
    }

    /// <summary>Waits until some node leads the default group.</summary>
    public async Task<RealNode> AwaitLeaderAsync()
    {
        RealNode? leader = null;
        return await RealTime.Until(async () => (leader = await LeaderAsync()) is not null, StartTime) ? leader! : throw new TimeoutException("no leader within 30 s");
    }

    /// <summary>The number by which its peers know a node.</summary>
    public int NumberOf(RealNode node) => Array.IndexOf(_nodes, node) + 1;

    /// <summary>Says that a process did something it should not.</summary>
    public void Report(string finding) => _findings.Add(finding);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var node in _nodes)
            node.Process?.Dispose();
        Network?.Dispose();
        _http.Dispose();
    }

    /// <summary>A port that nobody listens on, outside the range from which the system gives ports to clients.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(12_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                continue; // Taken: another one.
            }
        }
    }

    /// <summary>A node that was given an error by its disk must have ended, and said so by its exit code; a node with a slow or full disk must not.</summary>
    private async Task HealMachineAsync(RealNode node)
    {
        if (node.Machine is not { } machine)
            return;
        machine.Heal();
        var (failed, mustEnd) = (node.DiskFails, machine.ErrorCount > 0);
        machine.ForgetErrors();
        node.DiskFails = node.IsDiskBad = false;
        if (!failed || node.Process is not { } process)
            return;
        if (!mustEnd)
        {
            process.ExpectEnd(!process.IsAlive);
            return;
        }
        process.Resume();
        if (!await process.WaitAsync(DeathTime))
            _findings.Add($"{node.Name} goes on {DeathTime.TotalSeconds} s after its disk failed");
        else if (process.ExitCode is not (1 or 3 or 137))
            _findings.Add($"{node.Name} ended with code {process.ExitCode} when its disk failed: {process.LastError}");
    }

    private async Task AwaitReadyAsync(IEnumerable<RealNode> nodes)
    {
        foreach (var node in nodes)
        {
            using var limit = new CancellationTokenSource(StartTime);
            var line = await node.Process!.Ready.WaitAsync(limit.Token);
            if (line is null)
                throw new InvalidOperationException($"{node.Name} did not start: {node.Process.LastError}");
        }
    }
}

/// <summary>One node: its name, places and ports, and the process that runs it, if any.</summary>
internal sealed record RealNode(string Name, string DataDirectory, string LogFile, int PeerPort, int RespPort, int HttpPort)
{
    /// <summary>Where it listens for its peers, if that is not <see cref="PeerPort"/>; 0 if it is.</summary>
    public int ListenPort { get; set; }

    /// <summary>Its disk and its wall clock, if they can be made to fail.</summary>
    public MachineShim? Machine { get; set; }

    /// <summary>Whether its disk was told to give errors: then it has to end by itself once it met one.</summary>
    public bool DiskFails { get; set; }

    /// <summary>Whether its disk gives errors or hangs.</summary>
    public bool IsDiskBad { get; set; }

    /// <summary>The last process started for it.</summary>
    public ServerProcess? Process { get; set; }
}
