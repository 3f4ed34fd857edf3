using System.Net;
using System.Net.Sockets;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>Bytes from those who are no node, or a broken one.</summary>
public sealed class HostileConnectionTests
{
    [Fact]
    public async Task Random_bytes_cost_one_log_line_and_the_connection()
    {
        await using var node = new TestNode(2);
        TestNode.Start(node);
        node.Knows(1, 1);
        for (var seed = 1; seed <= 50; seed++)
        {
            var random = new Random(seed);
            using var socket = await ConnectAsync(node);
            var bytes = new byte[random.Next(1, 3000)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0)
                bytes = [.. Encode(FrameType.Hello, bytes.AsSpan(0, Math.Min(bytes.Length, 1000)))];
            await SendAsync(socket, bytes);
            socket.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(socket);
        }

        Assert.True(SpinWait.SpinUntil(() => node.Transport.PendingHandshakes == 0, TimeSpan.FromSeconds(20)));
        Assert.Equal(50, node.Logger.Lines.Count(line => line.StartsWith("Warning", StringComparison.Ordinal)));
        node.Handler.ExpectNothingMore();
    }

    [Fact]
    public async Task A_frame_above_the_limit_before_the_handshake_is_refused_at_its_head()
    {
        await using var node = new TestNode(2);
        TestNode.Start(node);
        using var socket = await ConnectAsync(node);
        await SendAsync(socket, [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        await ReadToEndAsync(socket);
        Assert.Contains(node.Logger.Lines, line => line.Contains("announced a length of 2147483647 bytes; 1 to 3073 are allowed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_protocol_version_is_refused_in_words()
    {
        await using var node = new TestNode(2);
        TestNode.Start(node);
        node.Knows(1, 1);
        using var socket = await ConnectAsync(node);
        await SendAsync(socket, Encode(FrameType.Hello, Hello(node, minVersion: 2, maxVersion: 3)));
        var answer = await ReadToEndAsync(socket);
        Assert.Equal((byte)FrameType.Refused, answer[8]);
        Assert.Equal("this node speaks protocol version 1, the other side versions 2 to 3", RefusalException.Read(answer.AsSpan(FrameHeader.Size)).Message);
    }

    [Fact]
    public async Task Beyond_the_cap_the_oldest_connection_without_a_handshake_gives_way()
    {
        await using var node = new TestNode(2, options: TestNode.Options with { MaxPendingHandshakes = 4 });
        TestNode.Start(node);
        var sockets = new List<Socket>();
        for (var i = 0; i < 10; i++)
            sockets.Add(await ConnectAsync(node));
        for (var i = 0; i < 6; i++)
            await ReadToEndAsync(sockets[i]);
        Assert.True(SpinWait.SpinUntil(() => node.Transport.PendingHandshakes == 4, TimeSpan.FromSeconds(20)));
        await using var one = new TestNode(1);
        TestNode.Start(one);
        node.Knows(1, one.Port);
        one.Knows(2, node.Port);
        await node.Handler.ExpectAsync("connected 1");
        sockets.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_connection_without_a_handshake_is_closed_in_time()
    {
        await using var node = new TestNode(2, options: TestNode.Options with { HandshakeTimeout = TimeSpan.FromMilliseconds(50) });
        TestNode.Start(node);
        using var socket = await ConnectAsync(node);
        await ReadToEndAsync(socket);
        Assert.Contains(node.Logger.Lines, line => line.Contains("no handshake in time", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_damaged_frame_after_the_handshake_ends_the_connection()
    {
        await using var node = new TestNode(2);
        TestNode.Start(node);
        node.Knows(1, 1);
        using var socket = await ConnectAsync(node);
        await ShakeHandsAsync(socket, node);
        await node.Handler.ExpectAsync("connected 1");
        await SendAsync(socket, Encode(FrameType.Data, "good"u8));
        var bad = Encode(FrameType.Data, "evil"u8);
        bad[10] ^= 0x20;
        await SendAsync(socket, bad);
        await node.Handler.ExpectAsync("frame 1: good", "disconnected 1");
        Assert.Contains(node.Logger.Lines, line => line.StartsWith("Warning: lost the connection to ", StringComparison.Ordinal) && line.Contains("checksum", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_handshake_frame_after_the_handshake_ends_the_connection()
    {
        await using var node = new TestNode(2);
        TestNode.Start(node);
        node.Knows(1, 1);
        using var socket = await ConnectAsync(node);
        await ShakeHandsAsync(socket, node);
        await SendAsync(socket, Encode(FrameType.Hello, Hello(node)));
        await node.Handler.ExpectAsync("connected 1", "disconnected 1");
    }

    [Fact]
    public async Task A_fresh_connection_of_a_peer_replaces_the_half_open_one()
    {
        await using var node = new TestNode(2);
        TestNode.Start(node);
        node.Knows(1, 1);
        using var old = await ConnectAsync(node);
        await ShakeHandsAsync(old, node);
        await node.Handler.ExpectAsync("connected 1");
        using var fresh = await ConnectAsync(node);
        await ShakeHandsAsync(fresh, node);
        await node.Handler.ExpectAsync("disconnected 1", "connected 1");
        await ReadToEndAsync(old);
        await SendAsync(fresh, Encode(FrameType.Data, "here"u8));
        await node.Handler.ExpectAsync("frame 1: here");
    }

    [Fact]
    public async Task A_peer_that_falls_silent_is_disconnected_and_one_that_only_keeps_alive_is_not()
    {
        var options = TestNode.Options with { KeepAliveInterval = TimeSpan.FromMilliseconds(20), PeerTimeout = TimeSpan.FromMilliseconds(400) };
        await using var silent = new TestNode(2, options: options);
        await using var living = new TestNode(3, options: options);
        await using var four = new TestNode(4, options: options);
        TestNode.Start(living, four);
        await living.Handler.ExpectAsync("connected 4");
        TestNode.Start(silent);
        silent.Knows(1, 1);
        using var socket = await ConnectAsync(silent);
        await ShakeHandsAsync(socket, silent);
        // Twice the silence that ends one connection leaves the other standing.
        await silent.Handler.ExpectAsync("connected 1", "disconnected 1");
        Assert.Contains(silent.Logger.Lines, line => line.Contains("nothing was received for", StringComparison.Ordinal));
        living.Handler.ExpectNothingMore();
        // It was sent keep-alives all the while.
        var received = await ReadToEndAsync(socket);
        Assert.Contains((byte)FrameType.KeepAlive, received.Chunk(FrameHeader.Size).Where(chunk => chunk.Length == FrameHeader.Size).Select(chunk => chunk[8]));
    }

    private static async Task<Socket> ConnectAsync(TestNode node)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, node.Port);
        return socket;
    }

    /// <summary>Plays node 1 up to Ready.</summary>
    private static async Task ShakeHandsAsync(Socket socket, TestNode node)
    {
        await SendAsync(socket, Encode(FrameType.Hello, Hello(node)));
        var head = new byte[FrameHeader.Size];
        await ReceiveExactlyAsync(socket, head);
        Assert.Equal((byte)FrameType.Welcome, head[8]);
        await ReceiveExactlyAsync(socket, new byte[BitConverter.ToInt32(head) - 1]);
        await SendAsync(socket, Encode(FrameType.Ready, default));
    }

    private static byte[] Hello(TestNode node, ushort minVersion = 1, ushort maxVersion = 1)
    {
        using var buffer = new PooledBuffer();
        new Introduction(minVersion, maxVersion, new NodeIdentity(node.Identity.Cluster, 1, "n1", 1000), node.Identity.Number).Write(buffer);
        return buffer.Span.ToArray();
    }

    private static byte[] Encode(FrameType type, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(frame, type, payload);
        payload.CopyTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }

    private static async Task SendAsync(Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
            sent += await socket.SendAsync(bytes.AsMemory(sent), SocketFlags.None);
    }

    private static async Task ReceiveExactlyAsync(Socket socket, byte[] into)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        for (var received = 0; received < into.Length;)
        {
            var count = await socket.ReceiveAsync(into.AsMemory(received), SocketFlags.None, limit.Token);
            Assert.NotEqual(0, count);
            received += count;
        }
    }

    /// <summary>Reads until the node closes the connection.</summary>
    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var all = new List<byte>();
        var buffer = new byte[4096];
        try
        {
            int count;
            while ((count = await socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token)) > 0)
                all.AddRange(buffer.AsSpan(0, count));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed, with our bytes unread.
        }

        return [.. all];
    }
}
