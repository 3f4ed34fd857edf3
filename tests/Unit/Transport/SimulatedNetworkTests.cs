using RaftKv.Tests.Harness.Transport;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

public sealed class SimulatedNetworkTests
{
    private readonly SimulatedNetwork _network = new(seed: 1);

    [Fact]
    public async Task Nothing_happens_before_it_is_pumped_and_then_everything_in_order()
    {
        var (one, two) = (new RecordingHandler(), new RecordingHandler());
        var first = _network.Add(1, one);
        _network.Add(2, two);
        one.ExpectNothingMore();
        Assert.False(first.IsConnected(2));
        _network.Pump();
        await one.ExpectAsync("connected 2");
        (_network.MinDelay, _network.MaxDelay) = (100, 1_000);
        for (var i = 0; i < 50; i++)
            Assert.True(first.Send(2, TestNode.Frame($"{i}")));
        Assert.Equal(0, _network.Pump(99));
        _network.Pump(1_000);
        await two.ExpectAsync(["connected 1", .. Enumerable.Range(0, 50).Select(i => $"frame 1: {i}")]);
    }

    [Fact]
    public async Task A_cut_direction_loses_frames_silently_until_it_is_detected()
    {
        var (one, two) = (new RecordingHandler(), new RecordingHandler());
        var (first, second) = (_network.Add(1, one), _network.Add(2, two));
        _network.Pump();
        _network.Cut(1, 2);
        Assert.True(first.Send(2, TestNode.Frame("lost")));
        Assert.True(second.Send(1, TestNode.Frame("other way")));
        _network.Pump();
        await two.ExpectAsync("connected 1");
        two.ExpectNothingMore();
        _network.Detect(1, 2);
        _network.Pump();
        await one.ExpectAsync("connected 2", "frame 2: other way", "disconnected 2");
        await two.ExpectAsync("disconnected 1");
        Assert.False(first.IsConnected(2));
        _network.Heal();
        _network.Pump();
        await one.ExpectAsync("connected 2");
        await two.ExpectAsync("connected 1");
    }

    [Fact]
    public async Task A_killed_node_is_noticed_by_all_and_comes_back()
    {
        var (one, two, three) = (new RecordingHandler(), new RecordingHandler(), new RecordingHandler());
        _network.Add(1, one);
        _network.Add(2, two);
        var third = _network.Add(3, three);
        _network.Pump();
        third.Send(1, TestNode.Frame("the last frame"));
        _network.Remove(3);
        _network.Pump();
        await one.ExpectAsync("connected 2", "connected 3", "disconnected 3");
        await two.ExpectAsync("connected 1", "connected 3", "disconnected 3");
        _network.Add(3, new RecordingHandler());
        _network.Pump();
        await one.ExpectAsync("connected 3");
        one.ExpectNothingMore();
    }

    [Fact]
    public void Connections_begin_and_end_in_turn_whatever_is_done_and_equal_seeds_do_the_same()
    {
        for (var seed = 1; seed <= 200; seed++)
            Assert.Equal(Run(seed), Run(seed));
    }

    private static string Run(int seed)
    {
        var random = new Random(seed);
        var network = new SimulatedNetwork(seed) { MaxDelay = 1_000, LossPerMille = random.Next(100) };
        var transcript = new System.Text.StringBuilder();
        var connected = new HashSet<(ulong, ulong)>();
        var transports = new SortedDictionary<ulong, SimulatedTransport>();
        for (var step = 0; step < 200; step++)
        {
            var (a, b) = ((ulong)random.Next(1, 5), (ulong)random.Next(1, 5));
            switch (random.Next(8))
            {
                case 0 when !transports.ContainsKey(a):
                    connected.RemoveWhere(pair => pair.Item1 == a);
                    transports[a] = network.Add(a, new Checker(a, connected, transcript));
                    break;
                case 1 when random.Next(3) == 0:
                    network.Remove(a);
                    transports.Remove(a);
                    break;
                case 2 when a != b:
                    network.Cut(a, b);
                    break;
                case 3:
                    network.Heal();
                    break;
                case 4:
                    network.Partition([a]);
                    break;
                case 5 or 6 when transports.TryGetValue(a, out var sender) && a != b:
                    sender.Send(b, TestNode.Frame($"{step}"));
                    break;
                default:
                    network.Pump(random.Next(2_000));
                    break;
            }
        }

        return transcript.ToString();
    }

    private sealed class Checker(ulong node, HashSet<(ulong, ulong)> connected, System.Text.StringBuilder transcript) : RaftKv.Consensus.Transport.ITransportHandler
    {
        public void OnConnected(ulong peer)
        {
            Assert.True(connected.Add((node, peer)), $"{node} was connected to {peer} already");
            transcript.Append(null, $"{node}+{peer} ");
        }

        public void OnFrame(ulong peer, RaftKv.Engine.Buffers.PooledBuffer frame)
        {
            Assert.Contains((node, peer), connected);
            transcript.Append(null, $"{node}<{peer}:{frame.Length} ");
            frame.Dispose();
        }

        public void OnDisconnected(ulong peer)
        {
            Assert.True(connected.Remove((node, peer)), $"{node} was not connected to {peer}");
            transcript.Append(null, $"{node}-{peer} ");
        }

        public void OnRefused(ulong peer, RaftKv.Consensus.Transport.RefusalCode code, string reason) => Assert.Fail(reason);
    }
}
