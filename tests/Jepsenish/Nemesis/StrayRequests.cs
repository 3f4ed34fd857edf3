using System.Net.Sockets;
using System.Text;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>Requests that come to the wrong port: HTTP where RESP is spoken, RESP and garbage where HTTP is, all of them where peers talk. Nobody may end, and nothing may be done, of it.</summary>
internal static class StrayRequests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>What a page in a browser, or a health check, would send; the lines of its body are commands.</summary>
    public static byte[] Http { get; } = Encoding.ASCII.GetBytes(
        $"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\nSET {ClientFaults.SmuggledKey} 1\r\n*3\r\n$3\r\nSET\r\n${ClientFaults.SmuggledKey.Length}\r\n{ClientFaults.SmuggledKey}\r\n$1\r\n2\r\n");

    private static readonly byte[] Resp = Encoding.ASCII.GetBytes($"*3\r\n$3\r\nSET\r\n${ClientFaults.SmuggledKey.Length}\r\n{ClientFaults.SmuggledKey}\r\n$1\r\n3\r\n");

    /// <summary>Sends all of them to a node's three ports.</summary>
    public static async Task SendAsync(int resp, int http, int peers, Random random)
    {
        var garbage = new byte[random.Next(1, 100_000)];
        random.NextBytes(garbage);
        await SendAsync(resp, Http);
        await SendAsync(resp, Encoding.ASCII.GetBytes($"Host: 127.0.0.1\r\nSET {ClientFaults.SmuggledKey} 4\r\n"));
        await SendAsync(http, Resp);
        await SendAsync(http, garbage);
        foreach (var bytes in new[] { garbage, Http, Resp, [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0] })
            await SendAsync(peers, bytes);
    }

    /// <summary>What of them was done after all: a sentence, or nothing.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">There was no reply in time.</exception>
    public static async Task<IReadOnlyList<string>> FindAsync(string node, RespClient client) =>
        await client.AskAsync("GET", ClientFaults.SmuggledKey) is { IsNil: false } smuggled ? [$"{node}: {ClientFaults.SmuggledKey} is {smuggled.Text}: a stray request was run as commands"] : [];

    /// <summary>Sends, and reads until the other side closes or is silent.</summary>
    public static async Task SendAsync(int port, ReadOnlyMemory<byte> bytes)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await socket.ConnectAsync("127.0.0.1", port, limit.Token);
            while (bytes.Length > 0)
                bytes = bytes[await socket.SendAsync(bytes, limit.Token)..];
            var buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer, limit.Token) > 0)
            {
                // What it says to that is up to it.
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return; // It closed, or is silent, or is down: any of these is an answer.
        }
    }
}
