using System.Collections.Concurrent;
using System.Net;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

public sealed class TcpTransportTests
{
    [Fact]
    public async Task Two_nodes_connect_and_exchange_frames_in_order()
    {
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        Assert.False(one.Transport.IsConnected(2));
        Assert.False(one.Send(2, "too early"));
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        await two.Handler.ExpectAsync("connected 1");
        Assert.True(one.Transport.IsConnected(2));
        for (var i = 0; i < 100; i++)
        {
            Assert.True(one.Send(2, $"{i}"));
            Assert.True(two.Send(1, $"{-i}"));
        }

        for (var i = 0; i < 100; i++)
        {
            await two.Handler.ExpectAsync($"frame 1: {i}");
            await one.Handler.ExpectAsync($"frame 2: {-i}");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_peer_that_stops_in_order_is_no_warning(bool dialler)
    {
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        await two.Handler.ExpectAsync("connected 1");
        var (stops, stays) = dialler ? (one, two) : (two, one);
        await stops.Transport.DisposeAsync();
        await stays.Handler.ExpectAsync($"disconnected {stops.Identity.Number}");
        Assert.Contains(stays.Logger.Lines, line => line.StartsWith("Information: ", StringComparison.Ordinal) && line.Contains("stopped in order", StringComparison.Ordinal));
        Assert.DoesNotContain(stays.Logger.Lines, line => line.StartsWith("Warning: lost", StringComparison.Ordinal) || line.Contains("::ffff", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Three_nodes_have_one_connection_per_pair()
    {
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        await using var three = new TestNode(3);
        TestNode.Start(one, two, three);
        foreach (var node in new[] { one, two, three })
        {
            string[] seen = [await node.Handler.NextAsync(), await node.Handler.NextAsync()];
            Assert.Equal(new[] { 1, 2, 3 }.Where(n => (ulong)n != node.Identity.Number).Select(n => $"connected {n}"), seen.Order());
        }

        Assert.True(three.Send(1, "hello"));
        await one.Handler.ExpectAsync("frame 3: hello");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16 * 1024)]
    [InlineData((16 * 1024) + 1)]
    [InlineData(64 * 1024)]
    [InlineData(8_000_000)]
    public async Task Frames_of_every_size_arrive_whole(int size)
    {
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        var arrived = new TaskCompletionSource<byte[]>();
        var after = new TaskCompletionSource<byte[]>();
        two.Handler.Frames = (_, frame) => (arrived.Task.IsCompleted ? after : arrived).SetResult(frame.Span.ToArray());
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        var content = new byte[size];
        new Random(size).NextBytes(content);
        var sent = new PooledBuffer();
        sent.Write(content);
        Assert.True(one.Transport.Send(2, sent));
        Assert.True(one.Send(2, "after"));
        Assert.Equal(content, await arrived.Task.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal("after"u8.ToArray(), await after.Task.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task Frames_of_many_threads_all_arrive_and_each_threads_in_order()
    {
        const int Threads = 4;
        const int Each = 5_000;
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        var next = new int[Threads];
        var seen = 0;
        var done = new TaskCompletionSource();
        two.Handler.Frames = (_, frame) =>
        {
            var (thread, number) = (frame.Span[0], BitConverter.ToInt32(frame.Span[1..]));
            if (next[thread]++ != number)
                done.TrySetException(new InvalidOperationException($"thread {thread}: {number} came as {next[thread] - 1}"));
            if (++seen == Threads * Each)
                done.TrySetResult();
        };
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        var senders = Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            for (var i = 0; i < Each; i++)
            {
                var frame = new PooledBuffer();
                frame.Write([(byte)thread]);
                frame.Write(BitConverter.GetBytes(i));
                // Some too large for the staging buffer, so that both ways of sending mix.
                frame.SetLength(i % 500 == 0 ? 40_000 : 5 + (i % 100));
                Assert.True(one.Transport.Send(2, frame));
            }
        })).ToArray();
        foreach (var sender in senders)
            sender.Start();
        await done.Task.WaitAsync(TimeSpan.FromSeconds(30));
        foreach (var sender in senders)
            sender.Join();
    }

    [Fact]
    public async Task A_node_that_ends_is_reported_once_and_found_again_when_it_comes_back()
    {
        await using var one = new TestNode(1);
        var two = new TestNode(2);
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        await two.DisposeAsync();
        await one.Handler.ExpectAsync("disconnected 2");
        Assert.False(one.Transport.IsConnected(2));
        Assert.False(one.Send(2, "lost"));
        await using var again = new TestNode(2, options: TestNode.Options with { Listen = new IPEndPoint(IPAddress.Loopback, two.Port) });
        TestNode.Start(again);
        again.Knows(1, one.Port);
        await one.Handler.ExpectAsync("connected 2");
        await again.Handler.ExpectAsync("connected 1");
        one.Handler.ExpectNothingMore();
    }

    [Fact]
    public async Task The_dialling_node_is_reported_too_when_it_ends_and_comes_back()
    {
        var one = new TestNode(1);
        await using var two = new TestNode(2);
        TestNode.Start(one, two);
        await two.Handler.ExpectAsync("connected 1");
        await one.DisposeAsync();
        await two.Handler.ExpectAsync("disconnected 1");
        await using var again = new TestNode(1);
        TestNode.Start(again);
        again.Knows(2, two.Port);
        await two.Handler.ExpectAsync("connected 1");
    }

    [Fact]
    public async Task A_removed_peer_is_disconnected_and_not_accepted_any_more()
    {
        await using var one = new TestNode(1);
        await using var two = new TestNode(2);
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        await two.Handler.ExpectAsync("connected 1");
        await two.Transport.RemovePeerAsync(1);
        await two.Handler.ExpectAsync("disconnected 1");
        await one.Handler.ExpectAsync("disconnected 2");
        two.Knows(1, one.Port);
        await one.Handler.ExpectAsync("connected 2");
        await two.Handler.ExpectAsync("connected 1");
    }

    [Fact]
    public async Task A_peer_that_does_not_read_fills_its_queue_and_blocks_nobody()
    {
        var options = TestNode.Options with { MaxQueuedBytes = 1 << 20 };
        await using var one = new TestNode(1, options: options);
        await using var two = new TestNode(2);
        using var gate = new ManualResetEventSlim();
        var arrived = 0;
        two.Handler.Frames = (_, _) =>
        {
            gate.Wait();
            arrived++;
        };
        TestNode.Start(one, two);
        await one.Handler.ExpectAsync("connected 2");
        var taken = 0;
        while (taken < 100_000)
        {
            var frame = new PooledBuffer(32_000);
            frame.SetLength(32_000);
            if (!one.Transport.Send(2, frame))
            {
                Assert.Equal(0, frame.Length);
                break;
            }

            taken++;
        }

        Assert.InRange(taken, 30, 5_000);
        gate.Set();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref arrived) == taken, TimeSpan.FromSeconds(20)));
        Assert.True(one.Send(2, "there is room again"));
    }

    [Fact]
    public async Task Every_frame_handed_over_is_disposed_of_when_connections_break()
    {
        await using var one = new TestNode(1);
        var handed = new ConcurrentQueue<PooledBuffer>();
        for (var round = 0; round < 5; round++)
        {
            var two = new TestNode(2);
            TestNode.Start(two);
            two.Knows(1, one.Port);
            one.Knows(2, two.Port);
            if (round == 0)
                TestNode.Start(one);
            await one.Handler.ExpectAsync("connected 2");
            var sender = new Thread(() =>
            {
                for (var i = 0; i < 3_000; i++)
                {
                    var frame = TestNode.Frame(new string('x', 1 + (i % 50 * 800)));
                    handed.Enqueue(frame);
                    one.Transport.Send(2, frame);
                }
            });
            sender.Start();
            Assert.StartsWith("connected", await two.Handler.NextAsync(), StringComparison.Ordinal);
            await two.DisposeAsync();
            sender.Join();
            await one.Handler.ExpectAsync("disconnected 2");
        }

        Assert.True(SpinWait.SpinUntil(() => handed.All(frame => frame.Length == 0), TimeSpan.FromSeconds(20)), $"{handed.Count(frame => frame.Length > 0)} left");
    }

    [Fact]
    public async Task A_used_port_is_reported_by_the_constructor()
    {
        await using var one = new TestNode(1);
        var options = TestNode.Options with { Listen = one.Transport.LocalEndPoint };
        Assert.Throws<System.Net.Sockets.SocketException>(() => new TestNode(2, options: options));
    }
}
