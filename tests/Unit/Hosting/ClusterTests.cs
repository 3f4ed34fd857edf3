using RaftKv.Consensus.Groups;
using RaftKv.Engine.State;
using RaftKv.Hosting;
using Xunit;

namespace RaftKv.Tests.Unit.Hosting;

public class ClusterTests
{
    [Fact]
    public async Task A_single_node_serves_and_keeps_what_it_acknowledged()
    {
        await using var cluster = new TestCluster(1);
        await cluster.StartAllAsync();
        Assert.Equal(ResultStatus.Ok, await TestCluster.PutAsync(cluster[0], "k", "v"));
        Assert.Equal("v", await TestCluster.GetAsync(cluster[0], "k"));
        await cluster.StopAsync(0);
        await cluster.StartAsync(0);
        Assert.Equal("v", await TestCluster.GetAsync(cluster[0], "k"));
    }

    [Fact]
    public async Task A_write_on_any_node_is_read_on_every_node()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAllAsync();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(ResultStatus.Ok, await TestCluster.PutAsync(cluster[i], $"k{i}", $"v{i}"));
            for (var j = 0; j < 3; j++)
                Assert.Equal($"v{i}", await TestCluster.GetAsync(cluster[j], $"k{i}"));
        }
    }

    [Fact]
    public async Task A_majority_goes_on_without_the_leader_and_the_leader_catches_up()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAllAsync();
        Assert.Equal(1, await TestCluster.IncrementAsync(cluster[0], "n"));
        var leader = LeaderOf(cluster[0]);
        var survivor = (leader + 1) % 3;
        await cluster.StopAsync(leader);
        for (var i = 2; i <= 100; i++)
            Assert.Equal(i, await TestCluster.IncrementAsync(cluster[survivor], "n"));
        await cluster.StartAsync(leader);
        Assert.Equal("100", await TestCluster.GetAsync(cluster[leader], "n"));
    }

    [Fact]
    public async Task A_follower_too_far_behind_receives_an_image()
    {
        await using var cluster = new TestCluster(3, o =>
        {
            o.CheckpointBytes = 1 << 20;
            o.RetainedLogBytes = 0;
        });
        await cluster.StartAllAsync();
        await TestCluster.PutAsync(cluster[0], "first", "1");
        var follower = Enumerable.Range(0, 3).First(i => i != LeaderOf(cluster[0]));
        var other = Enumerable.Range(0, 3).First(i => i != follower);
        await cluster.StopAsync(follower);
        var value = new string('x', 4096);
        for (var round = 0; round < 40; round++)
            await Task.WhenAll(Enumerable.Range(0, 64).Select(i => TestCluster.PutAsync(cluster[other], $"key-{round}-{i}", value)));
        await cluster.StartAsync(follower);
        Assert.Equal("1", await TestCluster.GetAsync(cluster[follower], "first"));
        Assert.Equal(value, await TestCluster.GetAsync(cluster[follower], "key-39-63"));
        Assert.Equal(value, await TestCluster.GetAsync(cluster[follower], "key-0-0", OperationKind.StaleRead));
    }

    private static int LeaderOf(RaftKvNode node)
    {
        var leader = node.Describe().Groups.Single(g => g.Id == node.DefaultGroup).Leader;
        return int.Parse(leader!.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture) - 1;
    }
}
