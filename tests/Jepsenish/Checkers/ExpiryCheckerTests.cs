using Xunit;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Reads of keys that expire, good and bad.</summary>
public class ExpiryCheckerTests
{
    private static readonly ClockBounds Clocks = new(0.1, 5);

    // Written at 0..10 to live 100: there until 100/1.1 - 5 = 85.9, gone after 10 + 100/0.9 + 5 = 126.1.
    private static readonly ExpiringWrite Write = new("k", "v", 100, 0, 10);

    [Theory]
    [InlineData("v", 11, 12, null)]
    [InlineData("v", 80, 85, null)]
    [InlineData(null, 80, 85, "expired early")]
    [InlineData(null, 80, 86, null)]
    [InlineData("v", 90, 91, null)]
    [InlineData(null, 90, 91, null)]
    [InlineData("v", 126, 200, null)]
    [InlineData("v", 127, 200, "expired late")]
    [InlineData(null, 127, 200, null)]
    [InlineData("w", 20, 21, "wrong value")]
    [InlineData(null, 9, 12, null)]
    public void A_key_is_there_before_its_earliest_expiry_and_gone_after_its_latest(string? value, long invoked, long completed, string? rule) =>
        Assert.Equal(rule, ExpiryChecker.Check([Write], [new ExpiringRead("k", value, invoked, completed)], Clocks).SingleOrDefault()?.Rule);

    [Fact]
    public void A_later_write_sets_a_new_time_or_none()
    {
        ExpiringWrite[] writes = [Write, new("k", "w", null, 50, 60)];
        Assert.Empty(ExpiryChecker.Check(writes, [new("k", "w", 1000, 1001), new("k", "v", 49, 51), new("k", "w", 49, 51)], Clocks));
        Assert.Equal(["expired early", "wrong value"], ExpiryChecker.Check(writes, [new("k", null, 1000, 1001), new("k", "v", 2000, 2001)], Clocks).Select(f => f.Rule));
    }
}
