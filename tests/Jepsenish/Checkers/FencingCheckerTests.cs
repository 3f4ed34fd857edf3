using Xunit;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Grants and fenced writes, good and bad.</summary>
public class FencingCheckerTests
{
    [Fact]
    public void Increasing_tokens_and_rejected_lower_ones_are_accepted() =>
        Assert.Empty(FencingChecker.Check(
            [Grant(1, 0, 1), Grant(5, 2, 3), Grant(2, 10, 11) with { Lock = "other" }],
            [Write(1, true, 4, 5), Write(5, true, 6, 7), Write(1, false, 8, 9), Write(1, null, 10, 11), Write(5, true, 12, 13), Write(1, true, 14, 15) with { Lock = "other" }]));

    [Fact]
    public void Concurrent_grants_and_writes_may_come_in_any_order() =>
        Assert.Empty(FencingChecker.Check([Grant(2, 0, 5), Grant(1, 1, 6)], [Write(2, true, 7, 9), Write(1, true, 8, 10)]));

    [Fact]
    public void A_token_lower_than_one_granted_before_is_found() =>
        Assert.Equal(["token does not increase"], Rules([Grant(7, 0, 1), Grant(8, 1, 9), Grant(3, 2, 3)], []));

    [Fact]
    public void A_token_granted_twice_is_found_even_concurrently() => Assert.Equal(["token granted twice"], Rules([Grant(7, 0, 5), Grant(7, 1, 6)], []));

    [Fact]
    public void A_lower_token_accepted_after_a_higher_one_is_found() =>
        Assert.Equal(["lower token accepted"], Rules([], [Write(9, true, 0, 1), Write(3, true, 2, 3)]));

    private static IEnumerable<string> Rules(LockGrant[] grants, FencedWrite[] writes) => FencingChecker.Check(grants, writes).Select(f => f.Rule);

    private static LockGrant Grant(long token, long invoked, long completed) => new("l", invoked, token, invoked, completed);

    private static FencedWrite Write(long token, bool? accepted, long invoked, long completed) => new("l", invoked, token, accepted, invoked, completed);
}
