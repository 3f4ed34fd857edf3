using RaftKv.Engine.Io;
using RaftKv.Server.Listeners;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Listeners;

public sealed class DescriptorBudgetTests
{
    [Fact]
    public void All_connections_together_leave_the_reserve_alone_whatever_the_limit()
    {
        for (var limit = 256L; limit < 100_000; limit += 61)
        {
            foreach (var nodes in new[] { 1, 3 })
            {
                var budget = new DescriptorBudget(limit, nodes);
                if (limit >= budget.Reserve + 12)
                    Assert.InRange(budget.MaxClients + budget.MaxHttpConnections + budget.Reserve, 0, limit);
            }
        }
    }

    [Theory]
    [InlineData(256, 8, 4)]
    [InlineData(1024, 616, 88)]
    [InlineData(20_000, 10_000, 512)]
    [InlineData(int.MaxValue, 10_000, 512)]
    [InlineData(64, 8, 4)]
    public void Clients_get_what_is_left_up_to_Redis_own_default(long limit, int clients, int http)
    {
        var budget = new DescriptorBudget(limit, 1);
        Assert.Equal((clients, http), (budget.MaxClients, budget.MaxHttpConnections));
    }

    [Fact]
    public void The_process_has_a_limit_where_the_system_has_one() => Assert.Equal(OperatingSystem.IsWindows(), ProcessLimits.MaxOpenFiles is null);
}
