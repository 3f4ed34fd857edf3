using System.Globalization;
using System.Text;
using System.Text.Json;
using RaftKv.Engine;
using RaftKv.Tests.Jepsenish.Simulation.Faults;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>What many runs did, added up.</summary>
internal sealed class SimulationTally
{
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private readonly SortedDictionary<string, long> _outcomes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _markers = new(StringComparer.Ordinal);
    private readonly List<SimulationResult> _failures = [];
    private readonly List<double> _speeds = [];
    private long _time, _events, _operations, _elections, _leaseChecks;

    /// <summary>Runs so far.</summary>
    public int Runs { get; private set; }

    /// <summary>Simulated hours.</summary>
    public double Hours => _time / 3.6e12;

    /// <summary>The runs in which something was wrong.</summary>
    public IReadOnlyList<SimulationResult> Failures => _failures;

    /// <summary>What no run of whole nodes in one thread, with clients that speak RESP and a twin of the store, can reach; and why.</summary>
    public static IReadOnlyDictionary<string, string> OutOfSight { get; } = new Dictionary<string, string>
    {
        [Sometimes.StoreDiskFull] = "the FASTER store's",
        [Sometimes.StoreCompactionCopied] = "the FASTER store's",
        [Sometimes.StoreLogCut] = "the FASTER store's",
        [Sometimes.StoreShortOfSpace] = "the FASTER store's",
        [Sometimes.ReserveReleased] = "the FASTER store's",
        [Sometimes.LocalReadDisturbed] = "readers on other threads",
        [Sometimes.ApplyHalted] = "only scripts make defects",
        [Sometimes.ApplyResumed] = "only scripts make defects",
        [Sometimes.LimitExceeded] = "values of tens of MiB would make its runs slow",
        [Sometimes.OutcomeCancelled] = "no command of RESP asks for outcomes",
        [Sometimes.DuplicateForgotten] = "nodes have fewer writes outstanding than sessions remember",
        [Sometimes.ImageRefused] = "the core answers for images that come too late",
        [Sometimes.ImageOvertakenByLog] = "leaders send no entries while they send an image",
    };

    /// <summary>Markers that no run has hit, and one should have.</summary>
    public IReadOnlyList<string> NeverReached => [.. Sometimes.All.Where(m => !_markers.ContainsKey(m) && !OutOfSight.ContainsKey(m))];

    private double MedianSpeed => _speeds.Count == 0 ? 0 : _speeds.Order().ElementAt(_speeds.Count / 2);

    /// <summary>Adds a run.</summary>
    public void Add(SimulationResult result)
    {
        Runs++;
        _time += result.Time;
        _speeds.Add(result.Time / 1e9 / result.Elapsed.TotalSeconds);
        _events += result.Events;
        _operations += result.Operations;
        _elections += result.Elections;
        _leaseChecks += result.LeaseChecks;
        foreach (var (kind, count) in result.Faults)
            _faults[kind] = _faults.GetValueOrDefault(kind) + count;
        foreach (var (name, count) in result.Outcomes)
            _outcomes[name] = _outcomes.GetValueOrDefault(name) + count;
        foreach (var (name, count) in result.Markers)
            _markers[name] = _markers.GetValueOrDefault(name) + count;
        if (result.Failure is not null)
            _failures.Add(result);
    }

    /// <summary>The sum for people.</summary>
    public string ToText(TimeSpan elapsed, int threads)
    {
        var text = new StringBuilder();
        var seconds = elapsed.TotalSeconds;
        text.AppendLine(CultureInfo.InvariantCulture, $"seeds: {Runs}, failed: {_failures.Count}");
        text.AppendLine(CultureInfo.InvariantCulture, $"simulated: {Hours:F2} hours in {seconds:F1} s on {threads} threads: {_time / 1e9 / seconds / threads:F0} times real time on each (median seed {MedianSpeed:F0}); {_events} events, {_events / seconds / threads:F0} a second on each");
        text.AppendLine(CultureInfo.InvariantCulture, $"operations checked: {_operations} done, {_operations / (_time / 1e9):F0} a simulated second ({string.Join(", ", _outcomes.Select(o => $"{o.Key} {o.Value}"))})");
        text.AppendLine(CultureInfo.InvariantCulture, $"elections: {_elections}; leases held against the cluster: {_leaseChecks}");
        text.AppendLine(CultureInfo.InvariantCulture, $"faults: {_faults.Values.Sum()} ({string.Join(", ", _faults.Select(f => $"{f.Key} {f.Value}"))})");
        text.AppendLine(CultureInfo.InvariantCulture, $"markers: {_markers.Count} of {Sometimes.All.Count} reached, {OutOfSight.Count} out of sight");
        foreach (var (name, count) in _markers)
            text.AppendLine(CultureInfo.InvariantCulture, $"  {count,9} {name}");
        foreach (var name in NeverReached)
            text.AppendLine(CultureInfo.InvariantCulture, $"      never {name}");
        return text.ToString();
    }

    /// <summary>The sum for machines.</summary>
    public string ToJson(TimeSpan elapsed, int threads) => JsonSerializer.Serialize(new
    {
        seeds = Runs,
        failed = _failures.Select(f => f.Options.Seed),
        simulatedSeconds = _time / 1e9,
        seconds = elapsed.TotalSeconds,
        threads,
        timesRealTimePerThread = _time / 1e9 / elapsed.TotalSeconds / threads,
        timesRealTimeOfMedianSeed = MedianSpeed,
        events = _events,
        operations = _operations,
        outcomes = _outcomes,
        elections = _elections,
        leaseChecks = _leaseChecks,
        faults = _faults.ToDictionary(f => f.Key.ToString(), f => f.Value),
        markers = _markers,
        neverReached = NeverReached,
    });
}
