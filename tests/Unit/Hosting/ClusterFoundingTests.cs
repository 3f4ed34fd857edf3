using System.Net;
using System.Net.Sockets;
using RaftKv.Engine.State;
using RaftKv.Hosting;
using Xunit;

namespace RaftKv.Tests.Unit.Hosting;

/// <summary>What an operator may get wrong at a first start, and change later: whole nodes with real files and sockets.</summary>
public sealed class ClusterFoundingTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _home = Directory.CreateTempSubdirectory("raftkv-founding-").FullName;

    [Fact]
    public async Task Nodes_go_on_at_other_addresses_one_after_another_and_keep_what_they_hold()
    {
        var (old, moved) = (Members(3), Members(3));
        RaftKvNode[] nodes = [await StartAsync(0, old), await StartAsync(1, old), await StartAsync(2, old)];
        Assert.Equal(ResultStatus.Ok, await TestCluster.PutAsync(nodes[0], "before", "1"));
        for (var i = 0; i < nodes.Length; i++)
        {
            // From here on the nodes that run disagree about who is where.
            await nodes[i].StopAsync();
            nodes[i] = await StartAsync(i, moved);
        }

        foreach (var node in nodes)
            Assert.Equal("1", await TestCluster.GetAsync(node, "before"));
        Assert.Equal(ResultStatus.Ok, await TestCluster.PutAsync(nodes[2], "after", "2"));
        Assert.Equal(moved.Select(m => m.Address), nodes[0].Describe().Nodes.Select(n => n.Address));
        await Task.WhenAll(nodes.Select(n => n.StopAsync()));
    }

    [Fact]
    public async Task A_first_start_that_met_nobody_claims_nothing()
    {
        var wrong = Members(3);
        await using (await StartAsync(0, wrong, o => (o.Groups, o.ClusterName) = (16, "typo")))
        {
        }

        var taken = Members(1);
        using (var other = new TcpListener(IPAddress.Loopback, PortOf(taken[0])))
        {
            other.Start();
            var refusal = await Assert.ThrowsAsync<RaftKvStartException>(() => StartAsync(0, taken));
            Assert.Contains($"cannot listen on {taken[0].Address}", refusal.Message, StringComparison.Ordinal);
        }

        var right = Members(3);
        RaftKvNode[] nodes = [await StartAsync(0, right, o => o.Groups = 3), await StartAsync(1, right, o => o.Groups = 3), await StartAsync(2, right, o => o.Groups = 3)];
        Assert.Equal(ResultStatus.Ok, await TestCluster.PutAsync(nodes[0], "k", "1"));
        Assert.Equal(3, nodes[0].Describe().Groups.Count);
        await Task.WhenAll(nodes.Select(n => n.StopAsync()));

        // Now it is who it is.
        await RefusedAsync(right, o => o.Groups = 16, "was founded with 3 groups, not with 16");
        await RefusedAsync([right[0], right[1], right[2] with { Name = "n4" }], o => o.Groups = 0, "was founded with the nodes n1,n2,n3, the list given now has n1,n2,n4 (they differ in n3, n4)");
        await RefusedAsync(right, o => o.ClusterName = "blue", "belongs to a cluster without a name, not to one named 'blue'");
        await using var again = await StartAsync(0, right, o => o.Groups = 0);
        Assert.Equal(3, again.Describe().Groups.Count);
    }

    [Fact]
    public async Task Nodes_that_were_given_different_numbers_of_groups_say_so_and_stop()
    {
        var members = Members(2);
        await using var one = await StartAsync(0, members, o => o.Groups = 8);
        await using var two = await StartAsync(1, members, o => o.Groups = 16);
        foreach (var node in new[] { one, two })
            Assert.Contains("node 1 (n1) has 8 groups, node 2 (n2) has 16", await node.Failure.WaitAsync(Patience), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_listens_on_every_address_of_its_machine_when_told_so()
    {
        var members = Members(1);
        foreach (var wildcard in Socket.OSSupportsIPv6 ? new[] { "0.0.0.0", "[::]", "*" } : ["0.0.0.0", "*"])
        {
            await using var node = await StartAsync(0, members, o => o.ListenAddress = $"{wildcard}:{PortOf(members[0])}");
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, PortOf(members[0]));
            Assert.Equal(members[0].Address, Assert.Single(node.Describe().Nodes).Address);
        }
    }

    public void Dispose() => Directory.Delete(_home, recursive: true);

    private static int PortOf(RaftKvMember member) => int.Parse(member.Address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);

    private List<RaftKvMember> Members(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(l => l.Start());
        var members = listeners.Select((l, i) => new RaftKvMember($"n{i + 1}", $"127.0.0.1:{((IPEndPoint)l.LocalEndpoint).Port}")).ToList();
        listeners.ForEach(l => l.Stop());
        return members;
    }

    private Task<RaftKvNode> StartAsync(int i, IList<RaftKvMember> members, Action<RaftKvOptions>? configure = null)
    {
        var options = new RaftKvOptions
        {
            NodeName = $"n{i + 1}",
            DataDirectory = Path.Combine(_home, $"n{i + 1}"),
            Members = members,
            Groups = 2,
            Shards = 1,
            StoreMemoryBytes = 128 << 20,
            LogSegmentBytes = 4 << 20,
        };
        configure?.Invoke(options);
        return RaftKvNode.StartAsync(options);
    }

    private async Task RefusedAsync(IList<RaftKvMember> members, Action<RaftKvOptions> configure, string sentence)
    {
        var refusal = await Assert.ThrowsAsync<RaftKvStartException>(() => StartAsync(0, members, o =>
        {
            o.Groups = 0;
            configure(o);
        }));
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
    }
}
