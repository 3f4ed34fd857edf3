using System.Globalization;
using System.Reflection;
using RaftKv.Tests.Jepsenish.Mutants;
using RaftKv.Tests.Jepsenish.Scenarios;
using RaftKv.Tests.Jepsenish.Simulation.Faults;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>
/// The simulation as part of the suite: the same seeds every time on every machine, however quick it is, so that what turns red is what was changed; fresh ones are for <c>.ci/soak</c> and <c>sim --minutes</c>.
/// RAFTKV_SEEDS and RAFTKV_SEED_FROM choose others: the gate takes more of them than a run by hand.
/// </summary>
[Collection(RealProcesses.Name)]
public sealed class SimulationTests(ITestOutputHelper output)
{
    public static TheoryData<string> Scenarios()
    {
        var folder = Path.Combine(Repository.Root, "tests", "Jepsenish", "Simulation", "Scenarios");
        return [.. Directory.EnumerateFiles(folder, "*.json").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void Every_promise_holds_in_every_seed()
    {
        var from = (ulong)Number("RAFTKV_SEED_FROM", 1);
        RunAll([.. SeedRun.Range(from, (int)Number("RAFTKV_SEEDS", 200))]);
    }

    [Fact]
    public void Every_promise_holds_in_seeds_that_failed_once() => RunAll([.. SeedList.Read(SeedList.File).Select(s => s.Seed)]);

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void What_failed_once_holds(string file)
    {
        var scenario = ScenarioFile.Read(Path.Combine(Repository.Root, "tests", "Jepsenish", "Simulation", "Scenarios", file));
        Assert.Null(Simulation.Run(scenario.Options).Failure);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(11)]
    [InlineData(14)]
    public async Task A_seed_tells_the_same_story_in_another_process(ulong seed)
    {
        var here = Simulation.Run(SimulationOptions.Draw(seed));
        string[] arguments = [Assembly.GetExecutingAssembly().Location, "sim", "--seed", seed.ToString(CultureInfo.InvariantCulture)];
        var there = await ChildProcess.RunDotnetAsync(Repository.Root, arguments, TimeSpan.FromMinutes(2), CancellationToken.None);
        Assert.Contains(there.Lines, l => l.StartsWith($"hash {here.Hash:x16} after {here.Events} events", StringComparison.Ordinal));
        // The child also refuses work that was given to the thread pool.
        Assert.Equal(0, there.ExitCode);
    }

    [Fact]
    public void Clocks_that_drift_beyond_the_bound_are_seen_to_break_leases()
    {
        var failure = FirstFailure(BeyondTheBound);
        Assert.StartsWith("lease: ", failure.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_is_made_smaller_and_kept_in_a_file_that_fails_the_same_way()
    {
        var failure = FirstFailure(BeyondTheBound);
        var smallest = new Shrinker(output.WriteLine).Shrink(failure);
        Assert.True(smallest.Options.Faults.Count < failure.Options.Faults.Count);
        Assert.True(smallest.Time <= failure.Time);
        var file = Path.Combine(Path.GetTempPath(), $"raftkv-scenario-{Guid.NewGuid():n}.json");
        try
        {
            new ScenarioFile { Story = "a lease that lasts longer than it should", Options = smallest.Options }.Write(file);
            var again = Simulation.Run(ScenarioFile.Read(file).Options);
            Assert.Equal((smallest.Failure, smallest.Hash, smallest.Events), (again.Failure, again.Hash, again.Events));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static long Number(string variable, long otherwise) =>
        long.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    /// <summary>Leaders whose connections break on the other side, so that others campaign at once, with clocks that are wrong by far more than leases allow for.</summary>
    private static SimulationOptions BeyondTheBound(ulong seed)
    {
        var random = Randomness.Fork(seed, "drift");
        var faults = Enumerable.Range(1, 8).Select(i => new PlannedFault(i * 900 * SimulatedTime.Millisecond, FaultKind.ResetLinks, 0, 1, 600 * SimulatedTime.Millisecond, random.Next()));
        return new SimulationOptions { Seed = seed, Shards = 2, ThinkTime = 5 * SimulatedTime.Millisecond, DriftPerMillion = 600_000, Faults = [.. faults] };
    }

    private static SimulationResult FirstFailure(Func<ulong, SimulationOptions> options) =>
        Enumerable.Range(1, 40).Select(seed => Simulation.Run(options((ulong)seed))).First(r => r.Failure?.StartsWith("lease", StringComparison.Ordinal) == true);

    private void RunAll(IReadOnlyCollection<ulong> seeds)
    {
        var threads = Environment.ProcessorCount;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var tally = new SimulationTally();
        new SeedRun(tally, seeds, TimeSpan.MaxValue, threads, stopAtFirst: false, Tell).Run();
        Assert.Equal(seeds.Count, tally.Runs);
        output.WriteLine(tally.ToText(clock.Elapsed, threads));
        Assert.Empty(tally.Failures.Select(f => $"seed {f.Options.Seed}: {f.Failure}"));
    }

    private void Tell(SimulationResult result)
    {
        if (result.Failure is not null)
            output.WriteLine($"seed {result.Options.Seed}: {result.Failure}\n  replay: dotnet run -c Release --project tests/Jepsenish -- sim --seed {result.Options.Seed} --log");
    }
}
