using System.Globalization;
using System.Text;
using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Nemesis;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish;

/// <summary>How a run goes.</summary>
internal sealed record RealRunOptions
{
    /// <summary>Decides what clients ask and which faults are injected.</summary>
    public required int Seed { get; init; }

    /// <summary>How long clients and faults go on.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>The faults to draw from.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = Enum.GetValues<Fault>();

    /// <summary>A script of faults to be injected instead, in order, each held for a time.</summary>
    public IReadOnlyList<(Fault Fault, TimeSpan Hold)>? Script { get; init; }

    /// <summary>The host; null for the one built with the tests.</summary>
    public string? Server { get; init; }

    /// <summary>Where history, data and logs are kept if the run fails; null for a temporary directory.</summary>
    public string? Keep { get; init; }

    /// <summary>Clients of each node, half of them on registers, half on the ledger.</summary>
    public int ClientsPerNode { get; init; } = 4;
}

/// <summary>
/// A whole run with real processes: three nodes, clients on all of them, faults; then everything is healed, everything is read once more on every node, writes go through every node, and the checkers judge.
/// What clients ask and what is done to the nodes follows from the seed; how they interleave does not, so that a seed narrows a failure down and the kept history is the evidence.
/// </summary>
internal sealed class RealRun
{
    private static readonly TimeSpan RecoveryTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FinalWriteTime = TimeSpan.FromSeconds(10);

    private readonly RealRunOptions _options;
    private readonly Recorder _recorder = new();
    private readonly List<string> _problems = [];
    private IReadOnlyDictionary<Fault, int> _injected = new Dictionary<Fault, int>();
    private List<(string Faults, long Healed)> _healings = [];
    private Verdict? _verdict;
    private long _acknowledged;
    private string _directory = "";

    private RealRun(RealRunOptions options) => _options = options;

    /// <summary>Whether everything held. Undecided does not.</summary>
    public bool Passed => _problems.Count == 0 && _verdict?.Result == Linearizability.Linearizable;

    /// <summary>What the linearizability checker found; null if the run did not come that far.</summary>
    public Linearizability? Result => _verdict?.Result;

    /// <summary>How many writes of the ledger were acknowledged.</summary>
    public long Acknowledged => _acknowledged;

    /// <summary>The longest time without any acknowledged write.</summary>
    public TimeSpan LongestUnavailability => _recorder.LongestUnavailability;

    /// <summary>Runs and judges; <paramref name="say"/> hears of progress.</summary>
    public static async Task<RealRun> RunAsync(RealRunOptions options, Action<string>? say = null)
    {
        var run = new RealRun(options);
        run._directory = options.Keep is { } keep ? FreshDirectory(keep, options.Seed) : Directory.CreateTempSubdirectory("raftkv-real-").FullName;
        using (var cluster = new RealCluster(run._directory, options.Server ?? RealCluster.BuiltServer(), Tuning(options.Seed), seams: new ClusterSeams { Network = true, Machine = true, Descriptors = OperatingSystem.IsWindows() ? 0 : ClientFaults.Descriptors }))
        {
            try
            {
                await run.DriveAsync(cluster, say ?? (_ => { }));
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException or OperationCanceledException or IOException)
            {
                run._problems.Add($"the run could not be completed: {e.Message}");
            }
            run._problems.AddRange(cluster.Findings);
        }
        run.Keep();
        return run;
    }

    /// <summary>The run in words: seed, faults, outcomes, verdict, and what is wrong.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {_options.Seed}, {_options.Duration.TotalSeconds:F0} s");
        text.AppendLine(CultureInfo.InvariantCulture, $"faults: {List(_injected)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"operations: {List(_recorder.Outcomes)}");
        if (_recorder.Refusals.Count > 0)
            text.AppendLine(CultureInfo.InvariantCulture, $"error replies: {List(_recorder.Refusals)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"longest time without an acknowledged write: {LongestUnavailability.TotalMilliseconds:F0} ms");
        if (_healings.Count > 0)
            text.AppendLine(CultureInfo.InvariantCulture, $"from healing to the next acknowledged write: {string.Join(", ", Recoveries().Take(5))}; median {Median():F0} ms of {_healings.Count}");
        text.AppendLine(CultureInfo.InvariantCulture, $"ledger: {_acknowledged} acknowledged writes");
        text.AppendLine(CultureInfo.InvariantCulture, $"linearizability: {_verdict?.Result.ToString() ?? "not checked"}{(_verdict is null ? "" : $", {_verdict.Keys.Count} keys")}");
        foreach (var (key, verdict) in (_verdict?.Keys ?? new Dictionary<string, KeyVerdict>()).Where(k => k.Value.Violation is not null).Take(3))
            text.Append(Explanation.Of(key, verdict.Violation!));
        foreach (var problem in _problems.Take(20))
            text.AppendLine(CultureInfo.InvariantCulture, $"PROBLEM: {problem}");
        if (_problems.Count > 20)
            text.AppendLine(CultureInfo.InvariantCulture, $"and {_problems.Count - 20} more");
        text.AppendLine(Passed ? "verdict: passed" : $"verdict: FAILED; history, data and logs are kept in {_directory}");
        return text.ToString();
    }

    /// <summary>The slowest first.</summary>
    private IEnumerable<string> Recoveries() => _healings
        .Select(h => (h.Faults, After: _recorder.FirstAcknowledgedAfter(h.Healed)))
        .OrderByDescending(r => r.After ?? TimeSpan.MaxValue)
        .Select(r => r.After is { } after ? string.Create(CultureInfo.InvariantCulture, $"{after.TotalMilliseconds:F0} ms ({r.Faults})") : $"never ({r.Faults})");

    private double Median() => _healings.Select(h => _recorder.FirstAcknowledgedAfter(h.Healed)?.TotalMilliseconds ?? double.PositiveInfinity).Order().ElementAt(_healings.Count / 2);

    // Every other seed runs with tiny segments and checkpoints, so that recovery meets them too.
    private static string? Tuning(int seed) => seed % 2 == 0 ? """{ "logSegmentBytes": 1048576, "checkpointBytes": 1048576, "storeMemoryBytes": 134217728 }""" : null;

    // Nodes that find the data of an earlier run would begin with its values.
    private static string FreshDirectory(string keep, int seed) =>
        Enumerable.Range(1, int.MaxValue).Select(i => Path.Combine(keep, $"seed-{seed}-run-{i}")).First(d => !Directory.Exists(d));

    private static string List<TKey>(IReadOnlyDictionary<TKey, int> counts) => counts.Count == 0 ? "none" : string.Join(", ", counts.Select(c => $"{c.Key} {c.Value}"));

    private async Task DriveAsync(RealCluster cluster, Action<string> say)
    {
        await cluster.StartAsync();
        await cluster.AwaitLeaderAsync();
        var registers = new RegisterWorkload(_recorder, _options.Seed);
        var ledger = new LedgerWorkload(_recorder, _options.Seed);
        using var injector = new FaultInjector(cluster, new Random(_options.Seed), _options.Faults);
        _injected = injector.Injected;
        _healings = injector.Healings;
        using var end = new CancellationTokenSource();
        var clients = StartClients(cluster, registers, ledger, end.Token);
        try
        {
            await InjectAsync(cluster, injector, say);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(clients);
        }
        _acknowledged = ledger.Acknowledged;
        say("final reads");
        foreach (var node in cluster.Nodes)
            await ReadEverythingAsync(node, registers, ledger);
        await WriteThroughAllAsync(cluster, say);
        say("checking");
        _verdict = HistoryFile.Check(History.From(_recorder.Events));
    }

    private async Task InjectAsync(RealCluster cluster, FaultInjector injector, Action<string> say)
    {
        if (_options.Script is not { } script)
        {
            using var time = new CancellationTokenSource(_options.Duration);
            await injector.RunAsync(say, time.Token);
        }
        else
        {
            foreach (var (fault, hold) in script)
            {
                await RealTime.Pass(TimeSpan.FromSeconds(1));
                say(fault.ToString());
                await injector.InjectAsync(fault, hold);
                await cluster.HealAsync();
            }
        }
        await RealTime.Pass(TimeSpan.FromSeconds(1));
    }

    private List<Task> StartClients(RealCluster cluster, RegisterWorkload registers, LedgerWorkload ledger, CancellationToken end)
    {
        var total = cluster.Nodes.Count * _options.ClientsPerNode;
        return [.. Enumerable.Range(0, total).Select(i => Task.Run(async () =>
        {
            using var worker = new Worker(cluster.Nodes[i % cluster.Nodes.Count].RespPort, i, total);
            await worker.RunAsync(i / cluster.Nodes.Count % 2 == 0 ? registers.Operations(i) : ledger.Operations(i), end);
        }))];
    }

    private async Task ReadEverythingAsync(RealNode node, RegisterWorkload registers, LedgerWorkload ledger)
    {
        var serves = await RealTime.Until(
            async () =>
            {
                using var probe = await RespClient.TryConnectAsync(node.RespPort, TimeSpan.FromSeconds(2));
                return probe is not null && await Worker.TryAsync(probe, "SET", "probe", node.Name) is { IsError: false };
            },
            RecoveryTime);
        if (!serves)
        {
            _problems.Add($"{node.Name} takes no writes {RecoveryTime.TotalSeconds} s after everything was healed");
            return;
        }
        using var client = await RespClient.TryConnectAsync(node.RespPort, TimeSpan.FromSeconds(10)) ?? throw new IOException($"{node.Name} takes no connection");
        using var reader = new Worker(node.RespPort, 1_000_000_000 + node.RespPort, 1);
        try
        {
            foreach (var key in registers.Keys)
                await registers.ReadAsync(reader, client, key);
        }
        catch (ConnectionLostException)
        {
            _problems.Add($"{node.Name} broke off the final reads");
            return;
        }
        _problems.AddRange(await ledger.VerifyAsync(node.Name, client));
    }

    /// <summary>Reads are not enough: a node may show all and lose every write that it forwards.</summary>
    private async Task WriteThroughAllAsync(RealCluster cluster, Action<string> say)
    {
        say("final writes");
        if (_problems.Count > 0)
            return;
        foreach (var node in cluster.Nodes)
            _problems.AddRange(await FinalWrites.WriteAsync(node.Name, node.RespPort, FinalWriteTime));
        foreach (var node in cluster.Nodes)
        {
            using var client = await RespClient.TryConnectAsync(node.RespPort, TimeSpan.FromSeconds(10)) ?? throw new IOException($"{node.Name} takes no connection");
            foreach (var writer in cluster.Nodes)
                _problems.AddRange(await FinalWrites.VerifyAsync(node.Name, client, writer.Name));
            _problems.AddRange(await StrayRequests.FindAsync(node.Name, client));
        }
    }

    private void Keep()
    {
        if (Passed && _options.Keep is null)
        {
            Directory.Delete(_directory, recursive: true);
            return;
        }
        File.WriteAllLines(Path.Combine(_directory, "history.jsonl"), _recorder.Events.Select(JsonHistory.Write));
        File.WriteAllText(Path.Combine(_directory, "report.txt"), ToString());
    }
}
