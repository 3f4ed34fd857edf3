using Xunit;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>What a watcher received, good and bad.</summary>
public class WatchCheckerTests
{
    private static readonly WatchedChange[] Committed =
        [new(1, "a/x", "1"), new(2, "b/x", "2"), new(3, "a/x", "3"), new(3, "a/y", "3"), new(4, "a/x", null), new(5, "a/x", "5")];

    [Fact]
    public void All_of_the_range_in_order_is_accepted() => Assert.Empty(Check(1, 5, "1x", "3x", "3y", "4x", "5x"));

    [Fact]
    public void A_watch_may_begin_late_and_lag_and_be_compacted()
    {
        Assert.Empty(Check(4, 0, "4x"));
        Assert.Empty(Check(1, 0));
        Assert.Empty(Check(1, 5, "compacted3", "4x", "5x"));
        Assert.Empty(Check(1, 5, "1x", "compacted4", "5x"));
    }

    [Theory]
    [InlineData("gap", "1x", "4x")]
    [InlineData("gap", "1x", "3x", "4x")]
    [InlineData("gap", "3x", "3y")]
    [InlineData("gap", "1x", "compacted3", "5x")]
    [InlineData("repeated", "1x", "1x")]
    [InlineData("out of order", "1x", "4x", "3x", "3y")]
    [InlineData("made up", "1x", "2x")]
    public void Each_kind_of_wrong_is_found(string rule, params string[] received) => Assert.Equal([rule], Check(1, 0, received).Select(f => f.Rule).Distinct());

    [Fact]
    public void What_is_due_at_the_end_must_have_come() => Assert.Equal(["gap"], Check(1, 5, "1x", "3x", "3y", "4x").Select(f => f.Rule));

    [Fact]
    public void A_change_with_another_value_is_found() =>
        Assert.Equal(["wrong value"], WatchChecker.Check([new WatchEvent(Committed[0] with { Value = "7" })], Committed, k => k == "a/x", 1).Select(f => f.Rule));

    /// <summary><c>3x</c> is the change of key a/x at revision 3 as it was committed; <c>compacted3</c> a gap up to there.</summary>
    private static IReadOnlyList<Finding> Check(long from, long caughtUpTo, params string[] received) =>
        WatchChecker.Check([.. received.Select(Event)], Committed, k => k.StartsWith("a/", StringComparison.Ordinal), from, caughtUpTo);

    private static WatchEvent Event(string text)
    {
        var revision = text[^1] is 'x' or 'y' ? text[0] - '0' : text[^1] - '0';
        if (text.StartsWith("compacted", StringComparison.Ordinal))
            return WatchEvent.Compacted(revision);
        var key = $"a/{text[1]}";
        return new WatchEvent(Committed.FirstOrDefault(c => c.Revision == revision && c.Key == key, new WatchedChange(revision, key, "none")));
    }
}
