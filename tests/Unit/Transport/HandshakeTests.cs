using RaftKv.Consensus.Transport;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

public sealed class HandshakeTests
{
    [Fact]
    public async Task A_dialler_of_a_foreign_cluster_hears_why_it_is_refused()
    {
        await using var one = new TestNode(1, cluster: 8);
        await using var two = new TestNode(2, cluster: 7);
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("refused 2: node 1 (n1) and node 2 (n2) belong to two clusters that were founded apart with the same names, 0000000000000008 and 0000000000000007: an address leads to the wrong one");
        Assert.Contains(two.Logger.Lines, line => line.StartsWith("Warning: refused 127.0.0.1:", StringComparison.Ordinal) && line.Contains("founded apart", StringComparison.Ordinal));
        two.Handler.ExpectNothingMore();
    }

    [Fact]
    public async Task A_dialler_that_lost_its_directory_is_refused_by_those_who_knew_it()
    {
        await using var two = new TestNode(2);
        var one = new TestNode(1, incarnation: 1000);
        TestNode.Start(one, two);
        await two.Handler.ExpectAsync("connected 1");
        await one.DisposeAsync();
        await two.Handler.ExpectAsync("disconnected 1");
        await using var impostor = new TestNode(1, incarnation: 1001);
        TestNode.Start(impostor);
        impostor.Knows(2, two.Port);
        Assert.StartsWith("refused 2: node 1 (n1) is known to node 2 (n2) by another data directory", await impostor.Handler.NextAsync(), StringComparison.Ordinal);
        two.Handler.ExpectNothingMore();
    }

    [Fact]
    public async Task An_accepting_node_that_lost_its_directory_is_refused_by_the_dialler_and_hears_it()
    {
        await using var one = new TestNode(1);
        var two = new TestNode(2, incarnation: 2000);
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        await two.DisposeAsync();
        await one.Handler.ExpectAsync("disconnected 2");
        await using var impostor = new TestNode(2, incarnation: 2001);
        TestNode.Start(impostor);
        impostor.Knows(1, one.Port);
        one.Knows(2, impostor.Port);
        Assert.StartsWith("refused 1: node 2 (n2) is known to node 1 (n1) by another data directory", await impostor.Handler.NextAsync(), StringComparison.Ordinal);
        Assert.False(one.Transport.IsConnected(2));
        one.Handler.ExpectNothingMore();
    }

    [Fact]
    public async Task A_wrong_address_is_told_apart_from_a_wrong_node()
    {
        await using var one = new TestNode(1);
        await using var three = new TestNode(3);
        TestNode.Start(three);
        three.Knows(1, one.Port);
        TestNode.Start(one);
        one.Knows(2, three.Port);
        await one.Handler.ExpectAsync("refused 2: node 2 was expected at this address, node 3 (n3) answered");
    }

    [Fact]
    public async Task A_peer_under_another_name_is_refused()
    {
        var registry = new TestNode.MemoryRegistry();
        registry.Check(1, "once-called-otherwise", 1000);
        await using var one = new TestNode(1);
        await using var two = new TestNode(2, registry: registry);
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("refused 2: node 1 calls itself n1, but is known to node 2 (n2) by another name");
    }

    [Fact]
    public async Task A_node_that_is_not_known_yet_connects_once_it_is()
    {
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        TestNode.Start(two);
        TestNode.Start(one);
        one.Knows(2, two.Port);
        Assert.True(SpinWait.SpinUntil(() => two.Logger.Lines.Any(line => line.Contains("is no peer of node 2", StringComparison.Ordinal)), TimeSpan.FromSeconds(20)));
        two.Knows(1, one.Port);
        // Never an OnRefused before it: this refusal passes.
        await one.Handler.ExpectAsync("connected 2");
    }

    [Fact]
    public async Task The_same_refusal_is_reported_once_however_often_it_is_met()
    {
        await using var one = new TestNode(1, cluster: 8);
        await using var two = new TestNode(2, cluster: 7);
        TestNode.Start(one, two);
        Assert.True(SpinWait.SpinUntil(() => two.Logger.Lines.Count(line => line.Contains("refused", StringComparison.Ordinal)) >= 4, TimeSpan.FromSeconds(20)));
        Assert.StartsWith("refused 2", await one.Handler.NextAsync(), StringComparison.Ordinal);
        one.Handler.ExpectNothingMore();
    }
}
