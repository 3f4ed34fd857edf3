using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>One reply of a server.</summary>
/// <param name="Kind">Its first byte: + - : $ *</param>
/// <param name="Text">Its text; null for nil.</param>
/// <param name="Items">The items of an array; null for nil.</param>
internal sealed record RespReply(char Kind, string? Text, IReadOnlyList<RespReply>? Items = null)
{
    /// <summary>Whether the server refused.</summary>
    public bool IsError => Kind == '-';

    /// <summary>Whether it is nil: an absent key, or a transaction that did not take place.</summary>
    public bool IsNil => Text is null && Items is null;

    /// <summary>The first word of an error.</summary>
    public string ErrorCode => IsError ? Text!.Split(' ')[0] : "";
}

/// <summary>
/// A Redis client, as small as can be: one connection, requests one after the other or in one batch, a time limit on each. After any exception the connection is unusable: what was asked may or may
/// not have happened.
/// </summary>
internal sealed class RespClient : IDisposable
{
    private readonly Socket _socket;
    private readonly TimeSpan _limit;
    private readonly byte[] _buffer = new byte[16 << 10];
    private int _start;
    private int _end;

    private RespClient(Socket socket, TimeSpan limit) => (_socket, _limit) = (socket, limit);

    /// <summary>Connects, or returns null: then nothing was asked.</summary>
    public static async Task<RespClient?> TryConnectAsync(int port, TimeSpan limit)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var time = new CancellationTokenSource(limit);
            await socket.ConnectAsync("127.0.0.1", port, time.Token);
            return new RespClient(socket, limit);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            return null;
        }
    }

    /// <summary>Asks and waits for the reply.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">There was no reply in time.</exception>
    public async Task<RespReply> AskAsync(params string[] words) => (await AskAsync([words]))[0];

    /// <summary>Asks several things at once and waits for all replies.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">There was no reply in time.</exception>
    public async Task<IReadOnlyList<RespReply>> AskAsync(IReadOnlyList<string[]> requests)
    {
        var text = new StringBuilder();
        foreach (var words in requests)
        {
            text.Append(CultureInfo.InvariantCulture, $"*{words.Length}\r\n");
            foreach (var word in words)
                text.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        }
        using var time = new CancellationTokenSource(_limit);
        try
        {
            var bytes = Encoding.UTF8.GetBytes(text.ToString());
            for (var sent = 0; sent < bytes.Length;)
                sent += await _socket.SendAsync(bytes.AsMemory(sent), time.Token);
            var replies = new List<RespReply>(requests.Count);
            foreach (var _ in requests)
                replies.Add(await ReadAsync(time.Token));
            return replies;
        }
        catch (SocketException e)
        {
            throw new IOException($"the connection broke: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private async Task<RespReply> ReadAsync(CancellationToken time)
    {
        var line = Encoding.UTF8.GetString(await LineAsync(time));
        var (kind, rest) = (line[0], line[1..]);
        switch (kind)
        {
            case '+' or '-' or ':':
                return new RespReply(kind, rest);
            case '_':
                return new RespReply(kind, null);
            case '$':
                var length = Number(rest);
                if (length < 0)
                    return new RespReply(kind, null);
                var body = await BytesAsync(length + 2, time);
                return new RespReply(kind, Encoding.UTF8.GetString(body, 0, length));
            case '*':
                var count = Number(rest);
                if (count < 0)
                    return new RespReply(kind, null);
                var items = new RespReply[count];
                for (var i = 0; i < count; i++)
                    items[i] = await ReadAsync(time);
                return new RespReply(kind, null, items);
            default:
                throw new IOException($"not a reply: {line}");
        }
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private async Task<byte[]> LineAsync(CancellationToken time)
    {
        var line = new List<byte>();
        while (true)
        {
            var next = await ByteAsync(time);
            if (next == '\n')
                return [.. line.Take(line.Count - 1)];
            line.Add(next);
        }
    }

    private async Task<byte[]> BytesAsync(int count, CancellationToken time)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = await ByteAsync(time);
        return bytes;
    }

    private ValueTask<byte> ByteAsync(CancellationToken time) => _start < _end ? ValueTask.FromResult(_buffer[_start++]) : FillAsync(time);

    private async ValueTask<byte> FillAsync(CancellationToken time)
    {
        _end = await _socket.ReceiveAsync(_buffer, time);
        _start = 0;
        return _end == 0 ? throw new IOException("the server closed the connection") : _buffer[_start++];
    }
}
