using RaftKv.Consensus.Transport;
using RaftKv.Engine.Io;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>Nodes that meet for the first time: when an identity becomes final, and that nothing passes before it is on both sides.</summary>
public sealed class FoundingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Two_of_three_provisional_nodes_found_a_cluster_and_a_third_joins_it()
    {
        var (one, two, three) = (Fresh(1), Fresh(2), Fresh(3));
        await using var first = new TestNode(one.Own);
        await using var second = new TestNode(two.Own);
        TestNode.Start(first, second);
        await first.Handler.ExpectAsync("connected 2");
        await second.Handler.ExpectAsync("connected 1");
        Assert.True(one.Durable is { IsFinal: true } && two.Durable is { IsFinal: true });
        Assert.Equal(PeerCheck.OtherIncarnation, first.Registry.Check(2, "n2", 1));
        await using var third = new TestNode(three.Own);
        foreach (var node in new[] { first, second })
        {
            node.Knows(3, third.Port);
            third.Knows(node.Identity.Number, node.Port);
        }

        TestNode.Start(third);
        await first.Handler.ExpectAsync("connected 3");
        await second.Handler.ExpectAsync("connected 3");
        Assert.True(three.Durable is { IsFinal: true });
    }

    [Fact]
    public async Task Two_of_five_agree_and_nothing_passes_and_nobody_is_remembered()
    {
        var (one, two) = (Fresh(1, members: "n1,n2,n3,n4,n5"), Fresh(2, members: "n1,n2,n3,n4,n5"));
        await using var first = new TestNode(one.Own);
        await using var second = new TestNode(two.Own);
        TestNode.Start(first, second);
        Assert.True(SpinWait.SpinUntil(() => first.Logger.Lines.Any(l => l.Contains("agrees on the cluster", StringComparison.Ordinal)), Patience));
        Assert.False(first.Send(2, "early"));
        Assert.False(first.Transport.IsConnected(2));
        Assert.Null(one.Durable);
        Assert.Equal(PeerCheck.Accepted, first.Registry.Check(2, "n2", 1));
        first.Handler.ExpectNothingMore();
    }

    [Fact]
    public async Task Nodes_that_were_given_different_things_refuse_each_other_in_words_that_say_which()
    {
        await Refuses(Fresh(1, groups: 16), Fresh(2), "node 1 (n1) has 16 groups, node 2 (n2) has 8: all nodes of a cluster have as many");
        await Refuses(Fresh(1, members: "n1,n2,n4"), Fresh(2), "node 1 (n1) was given the nodes n1,n2,n4, node 2 (n2) the nodes n1,n2,n3");
        await Refuses(Fresh(1, name: "blue"), Fresh(2, name: "green"), "node 1 (n1) belongs to the cluster named 'blue', node 2 (n2) to the cluster named 'green'");
        await Refuses(Fresh(1, name: "blue"), Fresh(2), "node 1 (n1) belongs to the cluster named 'blue', node 2 (n2) to a cluster without a name");
        await Refuses(Fresh(1, cluster: 8), Fresh(2), "node 1 (n1) was given other addresses for the nodes n1,n2,n3 than node 2 (n2)");
        await Refuses(Final(1, groups: 16), Fresh(2), "node 1 (n1) has 16 groups, node 2 (n2) has 8");
        await Refuses(Final(1, cluster: 8), Final(2), "belong to two clusters that were founded apart with the same names, 0000000000000008 and 0000000000000007");
    }

    [Fact]
    public async Task A_provisional_node_that_was_given_other_addresses_joins_the_cluster_that_was_founded_without_it()
    {
        var (founded, late) = (Final(1, cluster: 8), Fresh(2, cluster: 9, members: "n1,n2"));
        founded = Final(1, cluster: 8, members: "n1,n2");
        await using var first = new TestNode(founded.Own);
        await using var second = new TestNode(late.Own);
        TestNode.Start(first, second);
        await second.Handler.ExpectAsync("connected 1");
        Assert.Equal(8UL, late.Durable!.Cluster);
    }

    [Fact]
    public async Task A_provisional_node_does_not_take_the_place_of_one_that_is_remembered()
    {
        var registry = new TestNode.MemoryRegistry();
        registry.Check(2, "n2", 4711);
        await using var first = new TestNode(Final(1).Own, registry: registry);
        await using var second = new TestNode(Fresh(2).Own);
        TestNode.Start(first, second);
        Assert.StartsWith("refused 1: node 2 (n2) is known to node 1 (n1) by another data directory", await second.Handler.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_is_full_leaves_the_identity_provisional_until_it_can_be_written()
    {
        var full = true;
        var own = new OwnIdentity(Identity(1, 7, "n1,n2,n3", 8, "", isFinal: false), 2, _ =>
        {
            if (full)
                throw new DiskFullException("full");
        });
        Assert.Throws<DiskFullException>(() => own.Agree(2, 7));
        Assert.False(own.Current.IsFinal);
        own.Part(2);
        full = false;
        Assert.False(own.Agree(1, 7));
        Assert.True(own.Agree(3, 7));
        Assert.True(own.Current.IsFinal);
        Assert.Null(own.TryAdopt(9));
    }

    [Fact]
    public void Who_left_or_agreed_with_another_cluster_does_not_count()
    {
        var own = new OwnIdentity(Identity(1, 7, "n1,n2,n3,n4,n5", 8, "", isFinal: false), 3, _ => { });
        Assert.False(own.Agree(2, 7));
        own.Part(2);
        Assert.False(own.Agree(3, 7));
        Assert.Equal(9UL, own.TryAdopt(9)!.Cluster);
        Assert.False(own.Agree(4, 9));
        Assert.False(own.Agree(4, 9));
        Assert.False(own.Agree(3, 7));
        Assert.True(own.Agree(5, 9));
    }

    private static async Task Refuses(Node one, Node two, string sentence)
    {
        await using var first = new TestNode(one.Own);
        await using var second = new TestNode(two.Own);
        TestNode.Start(first, second);
        Assert.Contains(sentence, await first.Handler.NextAsync(), StringComparison.Ordinal);
        if (!two.Own.Current.IsFinal)
            Assert.Contains(sentence, await second.Handler.NextAsync(), StringComparison.Ordinal);
        Assert.Null(one.Durable);
        Assert.Null(two.Durable);
    }

    private static Node Fresh(ulong number, ulong cluster = 7, string members = "n1,n2,n3", int groups = 8, string name = "") => new(Identity(number, cluster, members, groups, name, isFinal: false));

    private static Node Final(ulong number, ulong cluster = 7, string members = "n1,n2,n3", int groups = 8) => new(Identity(number, cluster, members, groups, "", isFinal: true));

    private static NodeIdentity Identity(ulong number, ulong cluster, string members, int groups, string name, bool isFinal) =>
        new(cluster, number, $"n{number}", number * 1000) { Members = members, Groups = groups, ClusterName = name, IsFinal = isFinal };

    private sealed class Node
    {
        public Node(NodeIdentity identity) => Own = new OwnIdentity(identity, (identity.Members.Split(',').Length / 2) + 1, final => Durable = final);

        public OwnIdentity Own { get; }

        public NodeIdentity? Durable { get; private set; }
    }
}
