using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>The checker against the definition, against hand-made histories, and against its own bounds.</summary>
public class LinearizabilityCheckerTests(ITestOutputHelper output)
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_CASES") ?? "4000", CultureInfo.InvariantCulture);
    private static readonly int FirstSeed = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Fact]
    public void Agrees_with_the_definition_on_registers_with_few_values() =>
        AgreesWithTheDefinition(random => new RandomHistory.Shape(random.Next(1, 9), random.Next(1, 6), random.Next(1, 4), random.NextDouble() * 0.6), o => new RegisterModel(o), null);

    [Fact]
    public void Agrees_with_the_definition_on_registers_with_unique_values() =>
        AgreesWithTheDefinition(random => new RandomHistory.Shape(random.Next(1, 9), random.Next(1, 6), 0, random.NextDouble() * 0.6), o => new RegisterModel(o), null);

    [Fact]
    public void Agrees_with_the_definition_on_strings() =>
        AgreesWithTheDefinition(random => new RandomHistory.Shape(random.Next(1, 8), random.Next(1, 6), random.Next(0, 3), random.NextDouble() * 0.4, Append: true), o => new AppendModel(o), "");

    [Fact]
    public void Agrees_with_the_definition_when_failed_comparisons_count() =>
        AgreesWithTheDefinition(
            random => new RandomHistory.Shape(random.Next(1, 9), random.Next(1, 6), random.Next(1, 4), random.NextDouble() * 0.6), o => new RegisterModel(o), null,
            (random, o) => o.Function == Function.CompareAndSet && !o.IsUnknown && random.Next(2) == 0 ? o with { Function = Function.SawOther } : o);

    [Fact]
    public void A_read_of_a_value_that_was_overwritten_before_it_began_is_a_violation()
    {
        var verdict = Check([Op(1, Function.Write, "a", 0, 1), Op(1, Function.Write, "b", 2, 3), Op(2, Function.Read, "a", 4, 5)]);
        Assert.Equal(Linearizability.Violated, verdict.Result);
        var violation = verdict.Keys["k"].Violation!;
        Assert.Equal("a", violation.Stuck.Value);
        Assert.Equal(2, violation.Prefix.Count);
        var text = Explanation.Of("k", violation);
        output.WriteLine(text);
        Assert.Contains("read -> a", text, StringComparison.Ordinal);
        Assert.Contains("the value is then b", text, StringComparison.Ordinal);
        Assert.Contains(">> ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_explained_is_the_longest_prefix_that_has_an_order()
    {
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            if (RandomHistory.Falsify(random, RandomHistory.Draw(random, new RandomHistory.Shape(8, 4, 0, 0.1))) is not { } history)
                continue;
            if (Check(history).Keys["k"].Violation is not { } violation)
                continue;
            Assert.True(ExhaustiveCheck.IsLinearizable(Until(history, violation.Stuck.Completed - 1), null));
            Assert.False(ExhaustiveCheck.IsLinearizable(Until(history, violation.Stuck.Completed), null));
        }

        static List<ClientOperation> Until(List<ClientOperation> history, long position) =>
        [
            .. history.Where(o => o.Completed <= position || (o.Invoked < position && o.Function != Function.Read))
                .Select(o => o.Completed <= position ? o : o with { Completed = ClientOperation.Never }),
        ];
    }

    [Fact]
    public void A_write_of_unknown_outcome_may_take_effect_late_but_once()
    {
        var late = new[] { Op(1, Function.Write, "a", 0), Op(2, Function.Write, "b", 1, 2), Op(2, Function.Read, "b", 3, 4), Op(2, Function.Read, "a", 5, 6) };
        Assert.Equal(Linearizability.Linearizable, Check(late).Result);
        var twice = late.Concat([Op(2, Function.Write, "b", 7, 8), Op(2, Function.Read, "a", 9, 10)]);
        Assert.Equal(Linearizability.Violated, Check(twice).Result);
    }

    [Fact]
    public void Keys_are_judged_apart()
    {
        var verdict = Check([Op(1, Function.Write, "a", 0, 1), Op(1, Function.Read, null, 2, 3) with { Key = "other" }, Op(1, Function.Read, "a", 4, 5)]);
        Assert.Equal(Linearizability.Linearizable, verdict.Result);
        Assert.Equal(2, verdict.Keys.Count);
    }

    [Fact]
    public void An_empty_history_is_linearizable() => Assert.Equal(Linearizability.Linearizable, Check([]).Result);

    [Fact]
    public void A_hundred_thousand_operations_on_a_hundred_keys_take_little_effort()
    {
        var random = new Random(7);
        var operations = Enumerable.Range(0, 100).SelectMany(k => RandomHistory.Draw(random, new RandomHistory.Shape(1000, 10, 0, 0.02), $"k{k}")).ToList();
        var verdict = Check(operations);
        Assert.Equal(Linearizability.Linearizable, verdict.Result);
        output.WriteLine($"{operations.Count} operations, {verdict.Keys.Values.Sum(k => k.Explored)} configurations");
        Assert.InRange(verdict.Keys.Values.Sum(k => k.Explored), 0, 10 * operations.Count);
    }

    [Theory]
    [InlineData(0, 0.3)]
    [InlineData(5, 0.02)]
    [InlineData(5, 0.05)]
    public void Hundreds_of_open_unknown_writes_do_not_explode(int values, double unknown)
    {
        var random = new Random(11);
        var history = RandomHistory.Draw(random, new RandomHistory.Shape(3000, 8, values, unknown));
        output.WriteLine($"{history.Count(o => o.IsUnknown)} unknown");
        var fair = Check(history);
        output.WriteLine($"{fair.Result} {fair.Keys["k"].Explored}");
        Assert.Equal(Linearizability.Linearizable, fair.Result);
        var last = history.Where(o => !o.IsUnknown).Max(o => o.Completed);
        var verdict = Check([.. history, Op(99, Function.Read, "never written", last + 1, last + 2)]);
        output.WriteLine($"{verdict.Keys["k"].Explored} configurations to refute");
        Assert.Equal(Linearizability.Violated, verdict.Result);
    }

    [Fact]
    public void Many_concurrent_writers_of_one_key_do_not_explode()
    {
        var random = new Random(13);
        var history = RandomHistory.Draw(random, new RandomHistory.Shape(600, 20, 0, 0.05));
        Assert.Equal(Linearizability.Linearizable, Check(history).Result);
        var falsified = 0;
        for (var i = 0; i < 5; i++)
        {
            var verdict = Check(RandomHistory.Falsify(random, history)!);
            Assert.NotEqual(Linearizability.Undecided, verdict.Result);
            falsified += verdict.Result == Linearizability.Violated ? 1 : 0;
        }
        Assert.True(falsified > 0);
    }

    [Fact]
    public void A_bound_that_is_met_gives_undecided_and_never_a_verdict()
    {
        var history = RandomHistory.Draw(new Random(17), new RandomHistory.Shape(6000, 10, 0, 0.05));
        var verdict = LinearizabilityChecker.Check(history, o => new RegisterModel(o), new SearchLimits(TimeSpan.FromMinutes(1), 1000));
        Assert.Equal(Linearizability.Undecided, verdict.Result);
        verdict = LinearizabilityChecker.Check(history, o => new RegisterModel(o), new SearchLimits(TimeSpan.Zero, 1 << 30));
        Assert.Equal(Linearizability.Undecided, verdict.Result);
    }

    [Fact]
    public void On_the_callers_thread_the_same_history_takes_the_same_effort_and_meets_the_same_bound()
    {
        var history = RandomHistory.Draw(new Random(17), new RandomHistory.Shape(2000, 10, 5, 0.05)).Concat(RandomHistory.Draw(new Random(18), new RandomHistory.Shape(50, 5, 0, 0), "other")).ToList();
        var (first, second) = (OnThisThread(5_000_000), OnThisThread(5_000_000));
        Assert.Equal(Linearizability.Linearizable, first.Result);
        Assert.Equal(first.Keys, second.Keys);
        Assert.Equal(Linearizability.Undecided, OnThisThread(500).Keys["k"].Result);
        Assert.Equal(Linearizability.Linearizable, OnThisThread(500).Keys["other"].Result);

        Verdict OnThisThread(long steps)
        {
            var thread = Environment.CurrentManagedThreadId;
            return LinearizabilityChecker.Check(
                history, o => new RegisterModel(o), SearchLimits.Deterministic(steps), (_, _) => Assert.Equal(thread, Environment.CurrentManagedThreadId));
        }
    }

    [Fact]
    public void A_violation_is_found_and_explained_without_a_clock()
    {
        var verdict = LinearizabilityChecker.Check(
            [Op(1, Function.Write, "a", 0, 1), Op(1, Function.Write, "b", 2, 3), Op(2, Function.Read, "a", 4, 5)], o => new RegisterModel(o), SearchLimits.Deterministic());
        Assert.Equal("b", verdict.Keys["k"].Violation!.State);
    }

    private void AgreesWithTheDefinition(
        Func<Random, RandomHistory.Shape> shape, Func<IReadOnlyList<ClientOperation>, SequentialModel> model, string? initial, Func<Random, ClientOperation, ClientOperation>? change = null)
    {
        var counts = new int[2];
        for (var seed = FirstSeed; seed < FirstSeed + Cases; seed++)
        {
            var random = new Random(seed);
            var history = RandomHistory.Draw(random, shape(random));
            if (random.Next(2) == 0)
                history = RandomHistory.Falsify(random, history) ?? history;
            if (change is not null)
                history = [.. history.Select(o => change(random, o))];
            var expected = ExhaustiveCheck.IsLinearizable(history, initial);
            // Half of the cases are refuted locally, as only long histories are otherwise.
            var limits = SearchLimits.Default with { FirstPause = seed % 2 == 0 ? 1 : SearchLimits.Default.FirstPause };
            var verdict = LinearizabilityChecker.Check(history, model, limits).Result;
            counts[expected ? 1 : 0]++;
            Assert.True(
                verdict == (expected ? Linearizability.Linearizable : Linearizability.Violated),
                $"RAFTKV_SEED={seed}: {verdict}, the definition says {expected}:\n{string.Join("\n", history.Select(o => $"[{o.Invoked},{o.Completed}] {o}"))}");
        }
        output.WriteLine($"{counts[1]} linearizable, {counts[0]} not");
        Assert.True(counts[0] > 0 || Cases < 1000, "a property that saw no violation proves little");
    }

    private static Verdict Check(IEnumerable<ClientOperation> history) => LinearizabilityChecker.Check(history, o => new RegisterModel(o));

    private static ClientOperation Op(long process, Function function, string? value, long invoked, long completed = ClientOperation.Never) =>
        new() { Process = process, Key = "k", Function = function, Value = value, Invoked = invoked, Completed = completed };
}
