using RaftKv.Tests.Jepsenish.Checkers.Transactions;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Final values of appended tokens, good and bad.</summary>
public class TokenCheckerTests
{
    private static readonly TokenAppend[] Appends =
    [
        new(1, "a", Outcome.Committed, 0, 3), new(2, "b", Outcome.Committed, 1, 2), new(1, "c", Outcome.Committed, 4, 5), new(2, "lost", Outcome.Unknown, 6, 7), new(2, "refused", Outcome.Aborted, 8, 9),
    ];

    [Theory]
    [InlineData("a b c")]
    [InlineData("b a c")]
    [InlineData("a b c lost")]
    [InlineData("")]
    public void Acknowledged_once_unknown_at_most_once_is_accepted(string final)
    {
        var appends = final.Length == 0 ? [] : Appends;
        Assert.Empty(TokenChecker.Check(appends, final.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    // Those of process 2 may take effect late: what is unknown may stand anywhere behind what had been acknowledged.
    [Theory]
    [InlineData("a c", "lost")]
    [InlineData("a b c b", "repeated")]
    [InlineData("a b c lost lost", "repeated")]
    [InlineData("a b c refused", "refused and done")]
    [InlineData("a b c z", "made up")]
    [InlineData("c a b", "out of order")]
    [InlineData("a lost b c", "out of order")]
    public void Each_kind_of_wrong_is_found(string final, string rule) =>
        Assert.Contains(rule, TokenChecker.Check(Appends, final.Split(' ')).Select(f => f.Rule));

    [Fact]
    public void A_finding_names_the_token_and_its_place_in_the_history() =>
        Assert.Equal("lost: b of process 2 (event 1) was acknowledged at event 2 and is not there", Assert.Single(TokenChecker.Check(Appends, ["a", "c"])).ToString());

    [Fact]
    public void Tokens_that_the_clients_repeat_are_refused() => Assert.Throws<ArgumentException>(() => TokenChecker.Check([Appends[0], Appends[0]], []));
}
