namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>Injects faults one after the other, each healed before the next. What and for how long comes from the seed; when exactly a process notices is up to the machine.</summary>
internal sealed class FaultInjector(RealCluster cluster, Random random, IReadOnlyList<Fault> repertoire)
{
    private readonly SortedDictionary<Fault, int> _injected = [];

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
            var fault = repertoire[random.Next(repertoire.Count)];
            say(fault.ToString());
            await InjectAsync(fault, Between(0.05, 5.0), cancellation);
            await cluster.HealAsync();
        }
        await cluster.HealAsync();
    }

    /// <summary>Injects one fault and leaves it in place for a while; the caller heals.</summary>
    public async Task InjectAsync(Fault fault, TimeSpan hold, CancellationToken cancellation = default)
    {
        _injected[fault] = _injected.GetValueOrDefault(fault) + 1;
        switch (fault)
        {
            case Fault.KillLeader:
                await (await LeaderOrAnyAsync()).Process!.KillAsync();
                break;
            case Fault.KillAny:
                await Any().Process!.KillAsync();
                break;
            case Fault.KillMajority:
                await Task.WhenAll(Shuffled().Take(2).Select(n => n.Process!.KillAsync()));
                break;
            case Fault.KillAll:
                await Task.WhenAll(Shuffled().Select(n => n.Process!.KillAsync()));
                break;
            case Fault.PauseLeader:
                (await LeaderOrAnyAsync()).Process!.Pause();
                break;
            case Fault.PauseAny:
                Any().Process!.Pause();
                break;
            case Fault.RestartLoop:
                await RestartLoopAsync(Any(), cancellation);
                return;
            case Fault.Terminate:
                await TerminateAsync(Any());
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }
        await RealTime.Pass(hold, cancellation);
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

    private async Task TerminateAsync(RealNode node)
    {
        var code = await node.Process!.TerminateAsync(TimeSpan.FromSeconds(20));
        if (code != 0)
            cluster.Report($"{node.Name} was asked to stop and {(code is null ? "did not within 20 s" : $"exited with code {code}")}: {node.Process.LastError}");
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
