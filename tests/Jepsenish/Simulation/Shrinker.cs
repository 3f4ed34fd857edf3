namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// Makes a failing run smaller while it still fails (Zeller and Hildebrandt, delta debugging, TSE 2002, for the faults; plain halving for the rest). Which failure it is may change on the way
/// within the same kind: the words before the first figure.
/// </summary>
internal sealed class Shrinker(Action<string> say)
{
    private const int MaxRuns = 400;

    private SimulationResult _best = null!;
    private int _runs;

    /// <summary>The smallest failing run that was found.</summary>
    public SimulationResult Shrink(SimulationResult failure)
    {
        _best = failure;
        for (var before = -1; before != Size(_best.Options) && _runs < MaxRuns;)
        {
            before = Size(_best.Options);
            Shorten();
            RemoveFaults();
            TryEach(o => o with { Groups = Math.Max(1, o.Groups / 2) }, o => o with { Nodes = Math.Max(1, o.Nodes - 1) }, o => o with { Nodes = Math.Max(3, o.Nodes - 2) });
            TryEach(o => o with { Clients = Math.Max(1, o.Clients / 2) }, o => o with { Clients = Math.Max(1, o.Clients - 1) }, o => o with { Keys = 1 }, o => o with { Shards = 1 });
            TryEach(o => o with { BrokenForGood = 0 }, o => o with { ClockErrors = [] }, o => o with { SlowClock = 0 }, o => o with { DriftPerMillion = 0 }, o => o with { ValueBytes = 16 }, o => o with { MaxDelay = o.MinDelay });
        }

        return _best;
    }

    private static int Size(SimulationOptions options) =>
        (options.Faults.Count * 10) + options.Groups + options.Nodes + options.Clients + options.Keys + options.Shards + (int)(options.Duration / SimulatedTime.Second);

    /// <summary>Nothing is needed of what lies behind the failure.</summary>
    private void Shorten()
    {
        Try(_best.Options with { Duration = Math.Min(_best.Options.Duration, _best.Time) });
        Try(_best.Options with { Faults = [.. _best.Options.Faults.Where(f => f.At < _best.Time)] });
        TryEach(o => o with { Duration = o.Duration / 2 }, o => o with { Duration = o.Duration * 3 / 4 });
    }

    private void RemoveFaults()
    {
        for (var size = Math.Max(1, _best.Options.Faults.Count / 2); size >= 1; size /= 2)
        {
            for (var at = 0; at < _best.Options.Faults.Count;)
            {
                var options = _best.Options;
                if (!Try(options with { Faults = [.. options.Faults.Take(at), .. options.Faults.Skip(at + size)] }))
                    at += size;
            }
        }
    }

    private void TryEach(params Func<SimulationOptions, SimulationOptions>[] changes)
    {
        foreach (var change in changes)
        {
            while (Try(change(_best.Options)))
            {
            }
        }
    }

    private bool Try(SimulationOptions options)
    {
        if (_runs >= MaxRuns || options.Name == _best.Options.Name)
            return false;
        _runs++;
        var result = Simulation.Run(options);
        if (result.Failure is null || Kind(result.Failure) != Kind(_best.Failure!))
            return false;
        _best = result;
        say($"  {options.Nodes} nodes, {options.Groups} groups, {options.Clients} clients, {options.Faults.Count} faults, {result.Time / 1e9:F1} s, {result.Events} events");
        return true;
    }

    private static string Kind(string failure)
    {
        var end = failure.AsSpan().IndexOfAnyInRange('0', '9');
        return end < 0 ? failure : failure[..end];
    }
}
