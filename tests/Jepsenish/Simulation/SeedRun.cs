namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>Runs seeds one after the other on a few threads, each run on one of them alone, until there are enough or the time is over.</summary>
internal sealed class SeedRun(SimulationTally tally, IEnumerable<ulong> seeds, TimeSpan time, int threads, bool stopAtFirst, Action<SimulationResult> onResult)
{
    private readonly Lock _gate = new();
    private readonly long _started = System.Diagnostics.Stopwatch.GetTimestamp();
    private readonly IEnumerator<ulong> _left = seeds.GetEnumerator();
    private bool _stops;

    /// <summary>Seeds one after the other.</summary>
    public static IEnumerable<ulong> Range(ulong from, int count)
    {
        for (var i = 0; i < count; i++)
            yield return from + (ulong)i;
    }

    /// <summary>Runs them all.</summary>
    public void Run()
    {
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(Work, maxStackSize: 16 << 20) { IsBackground = true, Name = "simulation" }).ToList();
        workers.ForEach(w => w.Start());
        workers.ForEach(w => w.Join());
    }

    private void Work()
    {
        while (TryTake(out var seed))
        {
            var result = Simulation.Run(SimulationOptions.Draw(seed));
            lock (_gate)
            {
                tally.Add(result);
                _stops |= stopAtFirst && result.Failure is not null;
                onResult(result);
            }
        }
    }

    private bool TryTake(out ulong seed)
    {
        lock (_gate)
        {
            seed = 0;
            if (_stops || System.Diagnostics.Stopwatch.GetElapsedTime(_started) > time || !_left.MoveNext())
                return false;
            seed = _left.Current;
            return true;
        }
    }
}
