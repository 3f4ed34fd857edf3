using System.Globalization;
using RaftKv.Tests.Jepsenish.Nemesis;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Jepsenish.Scenarios;

/// <summary>Short runs of three real processes with clients on all of them, one kind of fault each. Whatever was acknowledged is there at the end, and the history is linearizable.</summary>
[Collection(RealProcesses.Name)]
public class FaultsUnderLoadTests(ITestOutputHelper output)
{
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("RAFTKV_SEED") ?? "1", CultureInfo.InvariantCulture);

    [Fact]
    public Task The_leader_is_killed_twice() => RunAsync((Fault.KillLeader, TimeSpan.FromSeconds(2)), (Fault.KillLeader, TimeSpan.Zero));

    [Fact]
    public Task Any_node_is_killed_and_then_a_majority() => RunAsync((Fault.KillAny, TimeSpan.FromSeconds(1)), (Fault.KillMajority, TimeSpan.FromSeconds(1)));

    [Fact]
    public Task All_nodes_are_killed_at_once() => RunAsync((Fault.KillAll, TimeSpan.FromMilliseconds(200)), (Fault.KillAll, TimeSpan.Zero));

    [Fact]
    public Task The_leader_is_frozen_for_five_seconds() => RunAsync((Fault.PauseLeader, TimeSpan.FromSeconds(5)));

    [Fact]
    public Task A_node_restarts_in_a_loop_and_another_is_stopped_for_maintenance() => RunAsync((Fault.RestartLoop, TimeSpan.Zero), (Fault.Terminate, TimeSpan.FromSeconds(1)));

    private async Task RunAsync(params (Fault Fault, TimeSpan Hold)[] script)
    {
        var run = await RealRun.RunAsync(new RealRunOptions { Seed = Seed + script.Length, Duration = TimeSpan.Zero, Script = script, ClientsPerNode = 2 });
        output.WriteLine(run.ToString());
        Assert.True(run.Passed, run.ToString());
        Assert.True(run.Acknowledged > 100, $"only {run.Acknowledged} writes were acknowledged: the run proves little");
    }
}
