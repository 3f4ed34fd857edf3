using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>What to run against the mutants.</summary>
/// <param name="Suites">Tried in this order until one notices.</param>
/// <param name="Seeds">How many a mutant may take of each.</param>
/// <param name="From">The first.</param>
/// <param name="Limit">Time for one mutant.</param>
/// <param name="Workers">Mutants at a time.</param>
internal sealed record MutantRunOptions(IReadOnlyList<Suite> Suites, ulong Seeds, ulong From, TimeSpan Limit, int Workers);

/// <summary>
/// Builds mutants and runs seeds or tests against each until one fails. The program as it is runs too, as mutant 0 and before a mutant's tests, and must survive: a table of kills by a suite that fails anyway says nothing.
/// </summary>
internal sealed class MutantRun(MutantRunOptions options, Action<string> onProgress)
{
    private static readonly Mutant Unchanged = new(0, "the program as it is, which must survive");

    private IReadOnlyList<Suite> _suites = options.Suites;

    /// <summary>Runs them all; outcomes in the order of their numbers.</summary>
    public async Task<IReadOnlyList<Outcome>> RunAsync(IReadOnlyList<Mutant> mutants, CancellationToken cancellation)
    {
        // Below the repository, because tests look above themselves for the sources and their data.
        var directory = Directory.CreateDirectory(Path.Combine(Workshop.Folder, $"{Guid.NewGuid():n}")).FullName;
        try
        {
            onProgress("building the program as it is");
            var unchanged = await Workshop.BuildUnchangedAsync(Path.Combine(directory, "unchanged"), [.. mutants.Select(m => m.Patch?.Suite).Where(s => s is { IsTests: true }).Select(s => s!.Project).Distinct()], cancellation);
            // The program as it is says something only of the suites that the mutants are tried by.
            _suites = [.. options.Suites.Where(s => mutants.Any(s.Tries))];
            var left = new ConcurrentQueue<Mutant>([Unchanged, .. mutants]);
            var outcomes = new ConcurrentBag<Outcome>();
            var total = left.Count;
            await Task.WhenAll(Enumerable.Range(1, Math.Min(options.Workers, total)).Select(worker => Task.Run(
                async () =>
                {
                    var workshop = Workshop.Create(Path.Combine(directory, $"worker-{worker}"), unchanged);
                    while (left.TryDequeue(out var mutant))
                    {
                        onProgress($"{outcomes.Count} of {total}: {mutant.Number} {mutant.What}");
                        var outcome = await JudgeAsync(mutant, workshop, unchanged, cancellation);
                        outcomes.Add(outcome);
                        // At once, because a run of many takes long and may be ended before its table.
                        onProgress(outcome.ToString());
                    }
                },
                cancellation)));
            return [.. outcomes.OrderBy(o => o.Number)];
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private async Task<Outcome> JudgeAsync(Mutant mutant, Workshop workshop, Workshop.Build unchanged, CancellationToken cancellation)
    {
        if (mutant != Unchanged && mutant.Patch is null)
            return new Outcome(mutant.Number, mutant.What, Fate.NotBuilt, "", null, null, 0);
        Workshop.Build build;
        try
        {
            build = mutant.Patch is null ? unchanged : await workshop.BuildAsync(mutant, mutant.Patch, cancellation);
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidDataException)
        {
            return new Outcome(mutant.Number, mutant.What, Fate.Broken, e.Message, null, null, 0);
        }

        var started = Stopwatch.GetTimestamp();
        if (mutant.Patch is { Suite.IsTests: true } patch)
            return await JudgeByTestsAsync(mutant, patch.Suite, build, unchanged, cancellation) with { Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds };

        var outcome = new Outcome(mutant.Number, mutant.What, Fate.Survived, "", null, null, 0);
        foreach (var suite in _suites.Where(s => mutant == Unchanged || s.Tries(mutant)))
        {
            string[] arguments = [build.Assembly("Jepsenish"), suite.Name, .. suite.Options, "--seeds", Text(options.Seeds), "--from", Text(options.From)];
            var ended = await ChildProcess.RunDotnetAsync(Repository.Root, arguments, options.Limit, cancellation);
            outcome = Judge(mutant, suite.Name, ended, Stopwatch.GetElapsedTime(started).TotalSeconds);
            if (outcome.Fate != Fate.Survived)
                break;
        }

        return outcome;
    }

    private async Task<Outcome> JudgeByTestsAsync(Mutant mutant, PatchSuite suite, Workshop.Build build, Workshop.Build unchanged, CancellationToken cancellation)
    {
        var (before, whyBefore) = await TestRun.OfAsync(unchanged.Assembly(suite.Project), suite.Filter, options.Limit, cancellation);
        if (JudgeUnchanged(mutant, suite, before, whyBefore) is { } broken)
            return broken;
        var (with, why) = await TestRun.OfAsync(build.Assembly(suite.Project), suite.Filter, options.Limit, cancellation);
        return Judge(mutant, with, why);
    }

    /// <summary>Whether tests can say anything of a mutant: there are some, and they pass without it. Null if they can.</summary>
    internal static Outcome? JudgeUnchanged(Mutant mutant, PatchSuite suite, TestRun? run, string why) => run switch
    {
        null => new Outcome(mutant.Number, mutant.What, Fate.Broken, $"without the mistake: {why}", null, null, 0),
        { Total: 0 } => new Outcome(mutant.Number, mutant.What, Fate.Broken, $"no test of tests/{suite.Project} is chosen by {suite.Filter}", null, null, 0),
        { Failed: [var first, ..] } => new Outcome(mutant.Number, mutant.What, Fate.Broken, $"{first} fails without the mistake too", null, null, 0),
        _ => null,
    };

    /// <summary>What a run of tests says of a mutant.</summary>
    internal static Outcome Judge(Mutant mutant, TestRun? run, string why) => run switch
    {
        null => new Outcome(mutant.Number, mutant.What, Fate.Broken, why, null, null, 0),
        { Failed: [var first, ..] } => new Outcome(mutant.Number, mutant.What, Fate.Killed, $"{PatchSuite.Tests}: {first}", null, null, 0),
        _ => new Outcome(mutant.Number, mutant.What, Fate.Survived, "", null, null, 0),
    };

    /// <summary>What the end of a run says of a mutant.</summary>
    internal static Outcome Judge(Mutant mutant, string suite, ChildProcess.Result ended, double seconds)
    {
        var kill = ended.Lines.Select(Kill.Parse).FirstOrDefault(k => k is not null);
        var (fate, by) = ended.ExitCode switch
        {
            1 when kill is not null => (Fate.Killed, kill.By.Length > 0 ? $"{suite}: {kill.By}" : suite),
            0 when kill is null => (Fate.Survived, ""),
            null => (Fate.OutOfTime, ""),
            var code => (Fate.Broken, $"exit code {code}: {ended.Tail}"),
        };
        return new Outcome(mutant.Number, mutant.What, fate, by, kill?.Seed, kill?.Seeds, seconds);
    }

    private static string Text(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
