namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>
/// Injects faults, one or two at a time, each healed before the next. What and for how long comes from the seed; when exactly a process notices is up to the machine.
/// Faults of links, disks and clocks are left out where the cluster has no seam for them.
/// </summary>
internal sealed class FaultInjector(RealCluster cluster, Random random, IReadOnlyList<Fault> repertoire) : IDisposable
{
    private readonly SortedDictionary<Fault, int> _injected = [];
    private readonly NetworkFaults _network = new(cluster, random);
    private readonly MachineFaults _machine = new(cluster, random);
    private readonly ClientFaults _clients = new(cluster, random);

    /// <summary>Each time that everything was healed: of what, and when all nodes ran again.</summary>
    public List<(string Faults, long Healed)> Healings { get; } = [];

    /// <summary>How often each kind was injected.</summary>
    public IReadOnlyDictionary<Fault, int> Injected => _injected;

    /// <summary>Injects until cancelled, then heals.</summary>
    public async Task RunAsync(Action<string> say, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            await RealTime.Pass(Between(1.0, 4.0), cancellation);
            if (cancellation.IsCancellationRequested)
                break;
            var first = repertoire[random.Next(repertoire.Count)];
            Fault? second = random.Next(3) == 0 ? repertoire[random.Next(repertoire.Count)] : null;
            var what = $"{first}{(second is null ? "" : $" and {second}")}";
            say(what);
            await ApplyAsync(first, cancellation);
            if (second is { } more)
                await ApplyAsync(more, cancellation);
            await RealTime.Pass(Between(0.05, 5.0), cancellation);
            _clients.Release();
            await cluster.HealAsync();
            Healings.Add((what, RealTime.Now));
        }
        await cluster.HealAsync();
    }

    /// <summary>Injects one fault and leaves it in place for a while; the caller heals.</summary>
    public async Task InjectAsync(Fault fault, TimeSpan hold, CancellationToken cancellation = default)
    {
        await ApplyAsync(fault, cancellation);
        await RealTime.Pass(hold, cancellation);
        _clients.Release();
    }

    /// <inheritdoc/>
    public void Dispose() => _clients.Dispose();

    private async Task ApplyAsync(Fault fault, CancellationToken cancellation)
    {
        if (!await TryApplyAsync(fault, cancellation))
            return;
        _injected[fault] = _injected.GetValueOrDefault(fault) + 1;
    }

    private async Task<bool> TryApplyAsync(Fault fault, CancellationToken cancellation)
    {
        switch (fault)
        {
            case Fault.KillLeader:
                await (await LeaderOrAnyAsync()).Process!.KillAsync();
                return true;
            case Fault.KillAny:
                await Any().Process!.KillAsync();
                return true;
            case Fault.KillMajority:
                await Task.WhenAll(Shuffled().Take(2).Select(n => n.Process!.KillAsync()));
                return true;
            case Fault.KillAll:
                await Task.WhenAll(Shuffled().Select(n => n.Process!.KillAsync()));
                return true;
            case Fault.PauseLeader:
                (await LeaderOrAnyAsync()).Process!.Pause();
                return true;
            case Fault.PauseAny:
                Any().Process!.Pause();
                return true;
            case Fault.RestartLoop:
                await RestartLoopAsync(Any(), cancellation);
                return true;
            case Fault.Terminate:
                return await TryTerminateAsync(Any());
            case >= Fault.IsolateLeader and <= Fault.Truncation:
                return _network.TryApply(fault, await LeaderOrAnyAsync());
            case Fault.NoDescriptors or Fault.SlowReaders or Fault.HalfCommands or Fault.StrayRequests:
                return await _clients.TryApplyAsync(fault, await LeaderOrAnyAsync());
            default:
                return await _machine.TryApplyAsync(fault, await LeaderOrAnyAsync());
        }
    }

    private async Task RestartLoopAsync(RealNode node, CancellationToken cancellation)
    {
        for (var times = random.Next(2, 6); times > 0 && !cancellation.IsCancellationRequested; times--)
        {
            await node.Process!.KillAsync();
            cluster.Start(node);
            await RealTime.Pass(Between(0.05, 1.0), cancellation);
        }
    }

    // A node that another fault has stopped, or whose disk fails, cannot do as it is asked.
    private async Task<bool> TryTerminateAsync(RealNode node)
    {
        if (node.Process is not { IsAlive: true, IsPaused: false } process || node.IsDiskBad)
            return false;
        var code = await process.TerminateAsync(TimeSpan.FromSeconds(20));
        if (code != 0)
            cluster.Report($"{node.Name} was asked to stop and {(code is null ? "did not within 20 s" : $"exited with code {code}")}: {process.LastError}");
        return true;
    }

    private async Task<RealNode> LeaderOrAnyAsync() => await cluster.LeaderAsync() ?? Any();

    private RealNode Any() => cluster.Nodes[random.Next(cluster.Nodes.Count)];

    private RealNode[] Shuffled()
    {
        var nodes = cluster.Nodes.ToArray();
        random.Shuffle(nodes);
        return nodes;
    }

    private TimeSpan Between(double low, double high) => TimeSpan.FromSeconds(low + (random.NextDouble() * (high - low)));
}
