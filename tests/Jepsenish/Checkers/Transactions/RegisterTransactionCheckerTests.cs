using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>The checker of transactions on registers against the definition, and against hand-made histories.</summary>
public class RegisterTransactionCheckerTests(ITestOutputHelper output)
{
    private static readonly int Cases = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_CASES") ?? "2000", CultureInfo.InvariantCulture);
    private static readonly int FirstSeed = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Agrees_with_the_definition_of_serializability(bool inRealTime)
    {
        var counts = new int[2];
        for (var seed = FirstSeed; seed < FirstSeed + Cases; seed++)
        {
            var random = new Random(seed);
            var shape = new RandomTransactions.Shape(random.Next(1, 7), random.Next(1, 5), random.Next(1, 4), 4, random.NextDouble() * 0.3, 0.1) { Registers = true, Snapshots = random.Next(3) > 0 };
            var history = RandomTransactions.Draw(random, shape);
            if (random.Next(2) == 0)
                history = RandomTransactions.Falsify(random, history) ?? history;
            var expected = ExhaustiveTransactions.IsSerializable(history, inRealTime);
            counts[expected ? 1 : 0]++;
            var verdict = RegisterTransactionChecker.Check(history, inRealTime ? IsolationModel.StrictSerializable : IsolationModel.Serializable);
            Assert.True(
                verdict.IsValid == expected && !verdict.IsUndecided,
                $"RAFTKV_SEED={seed}: valid {verdict.IsValid}, the definition says {expected}:\n{string.Join("\n", history)}\n{string.Join("\n", verdict.Anomalies)}");
            Assert.True(!verdict.IsValid || RegisterTransactionChecker.Check(history, IsolationModel.Causal).IsValid, $"RAFTKV_SEED={seed}: serializable, but not causal");
        }
        output.WriteLine($"{counts[1]} valid, {counts[0]} not");
        Assert.True(counts[0] > 0 || Cases < 1000, "a property that saw no violation proves little");
    }

    [Fact]
    public void Causality_forbids_to_see_the_answer_and_not_the_question()
    {
        List<Transaction> history = [Committed(1, 0, W("x", "1")), Committed(2, 2, R("x", "1"), W("y", "1")), Committed(3, 4, R("y", "1"), R("x", null))];
        var verdict = RegisterTransactionChecker.Check(history, IsolationModel.Causal);
        output.WriteLine(string.Join("\n", verdict.Anomalies));
        Assert.Equal("cycle", Assert.Single(verdict.Anomalies).Name);
        history[1] = Committed(2, 2, W("y", "1"));
        Assert.True(RegisterTransactionChecker.Check(history, IsolationModel.Causal).IsValid);
    }

    [Fact]
    public void Write_skew_is_causal_and_not_serializable()
    {
        List<Transaction> history = [Committed(1, 0, R("x", null), W("y", "1")), Committed(2, 2, R("y", null), W("x", "1"))];
        Assert.True(RegisterTransactionChecker.Check(history, IsolationModel.Causal).IsValid);
        Assert.False(RegisterTransactionChecker.Check(history, IsolationModel.Serializable).IsValid);
    }

    [Fact]
    public void What_is_read_was_written_last_by_a_transaction_that_did_not_abort()
    {
        var writer = Committed(1, 0, W("x", "1"), W("x", "2"));
        Assert.Equal("garbage-read", Only([writer, Committed(2, 2, R("x", "7"))]));
        Assert.Equal("G1b", Only([writer, Committed(2, 2, R("x", "1"))]));
        Assert.Equal("G1a", Only([writer with { Outcome = Outcome.Aborted }, Committed(2, 2, R("x", "2"))]));
        Assert.Equal("internal", Only([writer, Committed(2, 2, W("x", "3"), R("x", "2"))]));

        static string Only(List<Transaction> history) => Assert.Single(RegisterTransactionChecker.Check(history, IsolationModel.Serializable).Anomalies).Name;
    }

    [Fact]
    public void A_bound_that_is_met_gives_undecided_and_never_a_verdict()
    {
        var history = RandomTransactions.Draw(new Random(3), new RandomTransactions.Shape(200, 8, 5, 3) { Registers = true });
        Assert.True(RegisterTransactionChecker.Check(history, IsolationModel.Serializable).IsValid);
        Assert.True(RegisterTransactionChecker.Check(history, IsolationModel.Serializable, effort: 1).IsUndecided);
    }

    private static Transaction Committed(long process, long invoked, params MicroOperation[] steps) =>
        new() { Process = process, Outcome = Outcome.Committed, Steps = steps, Invoked = invoked, Completed = invoked + 1 };

    private static MicroOperation W(string key, string value) => new(MicroKind.Write, key, value, null);

    private static MicroOperation R(string key, string? value) => new(MicroKind.Read, key, value, null);
}
