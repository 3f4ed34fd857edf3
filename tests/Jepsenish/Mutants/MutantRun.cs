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
/// Builds mutants and runs seeds against each until one fails. The program as it is runs too, as mutant 0, and must survive: a table of kills by a suite that fails anyway says nothing.
/// </summary>
internal sealed class MutantRun(MutantRunOptions options, Action<string> onProgress)
{
    private static readonly Mutant Unchanged = new(0, "the program as it is, which must survive");

    /// <summary>Runs them all; outcomes in the order of their numbers.</summary>
    public async Task<IReadOnlyList<Outcome>> RunAsync(IReadOnlyList<Mutant> mutants, CancellationToken cancellation)
    {
        var directory = Directory.CreateTempSubdirectory("raftkv-mutants-").FullName;
        try
        {
            onProgress("building the program as it is");
            var unchanged = await Workshop.BuildUnchangedAsync(Path.Combine(directory, "unchanged"), cancellation);
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
                        outcomes.Add(await JudgeAsync(mutant, workshop, unchanged, cancellation));
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

    private async Task<Outcome> JudgeAsync(Mutant mutant, Workshop workshop, string unchanged, CancellationToken cancellation)
    {
        if (mutant != Unchanged && !mutant.IsBuilt)
            return new Outcome(mutant.Number, mutant.What, Fate.NotBuilt, "", null, null, 0);
        string program;
        try
        {
            program = mutant == Unchanged ? Workshop.ProgramIn(unchanged) : await workshop.BuildAsync(mutant, cancellation);
        }
        catch (InvalidOperationException e)
        {
            return new Outcome(mutant.Number, mutant.What, Fate.Broken, e.Message, null, null, 0);
        }

        var outcome = new Outcome(mutant.Number, mutant.What, Fate.Survived, "", null, null, 0);
        foreach (var suite in options.Suites.Where(s => mutant == Unchanged || s.Sees(mutant)))
        {
            var started = Stopwatch.GetTimestamp();
            string[] arguments = [program, suite.Name, .. suite.Options, "--seeds", Text(options.Seeds), "--from", Text(options.From)];
            var ended = await ChildProcess.RunDotnetAsync(Repository.Root, arguments, options.Limit, cancellation);
            outcome = Judge(mutant, suite.Name, ended, outcome.Seconds + Stopwatch.GetElapsedTime(started).TotalSeconds);
            if (outcome.Fate != Fate.Survived)
                break;
        }

        return outcome;
    }

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
