using Xunit;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Reads of all accounts, good and bad.</summary>
public class BankCheckerTests
{
    private static readonly string[] Accounts = ["a", "b"];

    [Fact]
    public void Reads_that_sum_to_the_total_are_accepted() => Assert.Empty(Check(Read(1, 10, 0), Read(2, 3, 7)));

    [Fact]
    public void The_first_wrong_total_is_told_with_what_changed_before_it()
    {
        var finding = Assert.Single(Check(Read(3, 5, 6), Read(1, 10, 0), Read(2, 4, 7)));
        Assert.Equal("wrong total: the read of process 2 at event 2: it sums to 11, not 10 (a: 10 -> 4, b: 0 -> 7); 2 of 3 reads are so", finding.ToString());
    }

    [Fact]
    public void An_account_that_is_missing_is_found() =>
        Assert.Equal(["wrong accounts"], Rules(new BankRead(1, 1, new Dictionary<string, long> { ["a"] = 10 })));

    [Fact]
    public void A_negative_balance_is_found_unless_it_is_allowed()
    {
        Assert.Equal(["overdrawn"], Rules(Read(1, 11, -1)));
        Assert.Empty(BankChecker.Check([Read(1, 11, -1)], Accounts, 10, mayOverdraw: true));
    }

    private static BankRead Read(long position, long a, long b) => new(position, position, new Dictionary<string, long> { ["a"] = a, ["b"] = b });

    private static IReadOnlyList<Finding> Check(params BankRead[] reads) => BankChecker.Check(reads, Accounts, 10);

    private static IEnumerable<string> Rules(params BankRead[] reads) => Check(reads).Select(f => f.Rule);
}
