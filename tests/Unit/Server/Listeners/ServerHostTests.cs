using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Hosting;
using RaftKv.Server.Http;
using RaftKv.Server.Listeners;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Tests.Harness;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Listeners;

/// <summary>The listeners over real sockets on loopback ports that the system chooses.</summary>
public sealed class ServerHostTests
{
    private static readonly ClusterDescription Cluster = new(
        [new("n1", "127.0.0.1:7001", true), new("n2", "127.0.0.1:7002", false)],
        1,
        [new(1, "n2", 5, 123, 122, ["n1", "n2"], []), new(2, null, 6, 1, 1, ["n1", "n2"], ["n3"])]);

    [Fact]
    public async Task HTTP_answers_the_cluster_in_the_documented_shape()
    {
        using var executor = new MemoryExecutor();
        await using var app = Build(executor, isReady: false);
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Last()) };
        Assert.Equal(
            """{"nodes":[{"id":"n1","address":"127.0.0.1:7001","alive":true,"clockAheadMs":null},{"id":"n2","address":"127.0.0.1:7002","alive":false,"clockAheadMs":null}],"defaultGroup":1,"groups":[{"id":1,"leader":"n2","term":5,"commit":123,"applied":122,"voters":["n1","n2"],"learners":[],"timeAheadMs":0},{"id":2,"leader":null,"term":6,"commit":1,"applied":1,"voters":["n1","n2"],"learners":["n3"],"timeAheadMs":0}]}""",
            await client.GetStringAsync(new Uri("/v1/cluster", UriKind.Relative)));
        Assert.Equal("ok\n", await client.GetStringAsync(new Uri("/healthz", UriKind.Relative)));
        using var ready = await client.GetAsync(new Uri("/readyz", UriKind.Relative));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Equal("""{"node":"n1","ready":false,"reason":null,"groups":[{"id":2,"reason":"no leader is known"}]}""", await ready.Content.ReadAsStringAsync());
        await app.StopAsync();
    }

    [Fact]
    public async Task HEAD_is_answered_as_GET_is_without_a_body()
    {
        using var executor = new MemoryExecutor();
        await using var app = Build(executor, isReady: true);
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Last()) };
        foreach (var path in new[] { "/v1/cluster", "/healthz", "/readyz" })
        {
            using var get = await client.GetAsync(new Uri(path, UriKind.Relative));
            using var request = new HttpRequestMessage(HttpMethod.Head, path);
            using var head = await client.SendAsync(request);
            Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (get.StatusCode, head.StatusCode));
            Assert.Equal(get.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }

        await app.StopAsync();
    }

    [Fact]
    public async Task Clients_have_their_answers_before_the_host_has_stopped()
    {
        using var executor = new MemoryExecutor(MemoryExecutorMode.Manual);
        await using var app = Build(executor, isReady: true);
        await app.StartAsync();
        using var busy = await ConnectAsync(app);
        using var idle = await ConnectAsync(app);
        await busy.SendAsync(Encoding.ASCII.GetBytes("PING\r\nSET a 1\r\n"));
        Assert.Equal("+PONG\r\n", await ReceiveAsync(busy, 7));
        var stopping = app.StopAsync();
        Assert.Equal("", await ReceiveAsync(idle, 1));
        Assert.False(stopping.IsCompleted);
        executor.Turn();
        Assert.Equal("+OK\r\n", await ReceiveAsync(busy, 5));
        await stopping;
    }

    [Fact]
    public async Task Values_larger_than_any_buffer_come_back_whole()
    {
        using var executor = new MemoryExecutor(MemoryExecutorMode.Thread);
        await using var app = Build(executor, isReady: true);
        await app.StartAsync();
        using var client = await ConnectAsync(app);
        var value = new string('v', 3 << 20);
        await SendAllAsync(client, $"*3\r\n$3\r\nSET\r\n$1\r\na\r\n${value.Length}\r\n{value}\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
        var expected = $"+OK\r\n${value.Length}\r\n{value}\r\n";
        Assert.Equal(expected, await ReceiveAsync(client, expected.Length));
        client.Dispose();
        await app.StopAsync();
    }

    [Fact]
    public async Task Clients_beyond_the_limit_are_refused_and_CONFIG_and_INFO_tell_it()
    {
        using var executor = new MemoryExecutor();
        await using var app = Build(executor, isReady: true, maxClients: 2);
        await app.StartAsync();
        using var one = await ConnectAsync(app);
        using var two = await ConnectAsync(app);
        await SendAllAsync(one, "CONFIG GET maxclients\r\n");
        Assert.Equal("*2\r\n$10\r\nmaxclients\r\n$1\r\n2\r\n", await ReceiveAsync(one, 28));
        await SendAllAsync(two, "INFO clients\r\n");
        Assert.Contains("connected_clients:2\r\nmaxclients:2\r\n", await ReceiveAsync(two, 80), StringComparison.Ordinal);
        using var three = await ConnectAsync(app);
        Assert.Equal("-ERR max number of clients reached\r\n", await ReceiveAsync(three, 100));
        one.Dispose();
        // The place is free once the server has seen that its client is gone.
        for (var answer = ""; answer != "+PONG\r\n";)
        {
            using var next = await ConnectAsync(app);
            try
            {
                await SendAllAsync(next, "PING\r\n");
                answer = await ReceiveAsync(next, 7);
            }
            catch (SocketException)
            {
                // Refused, and closed while it was sending.
            }
        }

        two.Dispose();
        await app.StopAsync();
    }

    private static WebApplication Build(MemoryExecutor executor, bool isReady, int maxClients = 10_000)
    {
        var server = new RespServer(new ServerContext(executor, new SingleGroupRouter(1), () => Cluster, NullLogger.Instance)) { MaxClients = maxClients };
        return ServerHost.Build(server, new NodeView(() => Cluster, () => new ReadinessDescription("n1", isReady, null, isReady ? [] : [new UnreadyGroup(2, "no leader is known")]), (group, index, _) => group == 7 ? Task.FromException<bool>(new UnavailableException("there is no group 7 on this node")) : Task.FromResult(index == 5)), new IPEndPoint(IPAddress.Loopback, 0), new IPEndPoint(IPAddress.Loopback, 0));
    }

    private static async Task<Socket> ConnectAsync(WebApplication app)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(app.Urls.First()).Port);
        return socket;
    }

    private static async Task SendAllAsync(Socket socket, string text)
    {
        ReadOnlyMemory<byte> rest = Encoding.Latin1.GetBytes(text);
        while (!rest.IsEmpty)
            rest = rest[await socket.SendAsync(rest)..];
    }

    /// <summary>Receives so many bytes, or fewer if the other side ends.</summary>
    private static async Task<string> ReceiveAsync(Socket socket, int count)
    {
        var buffer = new byte[count];
        var received = 0;
        while (received < count && await socket.ReceiveAsync(buffer.AsMemory(received)) is var more and > 0)
            received += more;
        return Encoding.Latin1.GetString(buffer, 0, received);
    }
}
