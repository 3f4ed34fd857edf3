using RaftKv.Engine.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

public sealed class CommandLimitsTests
{
    [Fact]
    public void The_limit_itself_is_accepted_and_one_more_is_refused_in_a_sentence()
    {
        var limits = new CommandLimits { MaxKeyBytes = 10, MaxValueBytes = 20 };
        Assert.Null(limits.CheckKey(10));
        Assert.Null(limits.CheckValue(20));
        Assert.Equal("The key is 11 bytes long; the limit is 10 bytes.", limits.CheckKey(11));
        Assert.Equal("The value is 21 bytes long; the limit is 20 bytes.", limits.CheckValue(21));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(CommandLimits.KeyCeiling + 1)]
    public void A_limit_outside_its_range_is_refused(int limit) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new CommandLimits { MaxKeyBytes = limit });
}
