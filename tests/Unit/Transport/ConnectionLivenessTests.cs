using System.Net;
using System.Net.Sockets;
using RaftKv.Consensus.Transport;
using Xunit;

namespace RaftKv.Tests.Unit.Transport;

/// <summary>The time that passes is what the test says.</summary>
public sealed class ConnectionLivenessTests : IDisposable
{
    private static readonly byte[] KeepAlive = EncodeKeepAlive();
    private readonly Socket _other;
    private readonly Connection _connection;

    public ConnectionLivenessTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _other.Connect(listener.LocalEndPoint!);
        _connection = new Connection(listener.Accept(), TestNode.Options with { PeerTimeout = TimeSpan.FromMilliseconds(250) });
    }

    public void Dispose()
    {
        _connection.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void Silence_up_to_the_timeout_is_borne_and_then_ends_the_connection()
    {
        for (var passed = 25; passed < 250; passed += 25)
        {
            _connection.CheckLiveness(25);
            Assert.Null(_connection.ClosedBecause);
        }

        _connection.CheckLiveness(25);
        Assert.Equal("nothing was received for 250 ms", _connection.ClosedBecause);
    }

    [Fact]
    public async Task Whatever_arrives_starts_the_silence_anew()
    {
        for (var round = 0; round < 5; round++)
        {
            _connection.CheckLiveness(60);
            _other.Send(KeepAlive);
            Assert.Equal(FrameType.KeepAlive, (await _connection.ReceiveAsync()).Type);
            _connection.CheckLiveness(60);
            Assert.Null(_connection.ClosedBecause);
        }
    }

    [Fact]
    public void Bytes_that_wait_to_be_read_are_no_silence()
    {
        _other.Send(KeepAlive);
        for (var i = 0; i < 10; i++)
            _connection.CheckLiveness(200);
        Assert.Null(_connection.ClosedBecause);
    }

    private static byte[] EncodeKeepAlive()
    {
        var frame = new byte[FrameHeader.Size];
        FrameHeader.Write(frame, FrameType.KeepAlive, default);
        return frame;
    }
}
