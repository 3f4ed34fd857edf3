using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>How a <see cref="FakeServer"/> betrays its clients.</summary>
internal enum Betrayal
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Some acknowledged writes are not done.</summary>
    LosesWrites,

    /// <summary>Some reads return what was there before the last write.</summary>
    ReadsStale,

    /// <summary>Some transactions are done although a watched key was changed.</summary>
    IgnoresWatch,

    /// <summary>Some increments are done twice.</summary>
    IncrementsTwice,

    /// <summary>Some writes that it refused with the promise of no effect are done.</summary>
    DoesWhatItRefused,

    /// <summary>Reads go on, writes are refused.</summary>
    RefusesWrites,

    /// <summary>Lines of HTTP are run as if somebody had typed them.</summary>
    RunsStrayLines,
}

/// <summary>A server in memory that speaks just what the workloads need, and can betray: it shows that they notice.</summary>
internal sealed class FakeServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Betrayal _betrayal;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _values = [];
    private readonly Dictionary<string, string> _before = [];
    private readonly Dictionary<string, long> _versions = [];
    private long _writes;

    public FakeServer(Betrayal betrayal)
    {
        _betrayal = betrayal;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return; // Disposed: that is how it ends.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        using var reader = new StreamReader(client.GetStream(), Encoding.UTF8);
        var watched = new Dictionary<string, long>();
        List<string[]>? queued = null;
        while (await ReadAsync(reader) is { } words)
        {
            string reply;
            lock (_gate)
                reply = Answer(words, watched, ref queued);
            await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(reply));
        }
    }

    private string Answer(string[] words, Dictionary<string, long> watched, ref List<string[]>? queued)
    {
        switch (words[0])
        {
            case "WATCH":
                watched[words[1]] = _versions.GetValueOrDefault(words[1]);
                return "+OK\r\n";
            case "UNWATCH":
                watched.Clear();
                return "+OK\r\n";
            case "MULTI":
                queued = [];
                return "+OK\r\n";
            case "EXEC":
                var changed = watched.Any(w => _versions.GetValueOrDefault(w.Key) != w.Value);
                var commands = queued!;
                queued = null;
                watched.Clear();
                return changed && _betrayal != Betrayal.IgnoresWatch ? "*-1\r\n" : $"*{commands.Count}\r\n{string.Concat(commands.Select(Do))}";
            default:
                if (queued is null)
                    return Do(words);
                queued.Add(words);
                return "+QUEUED\r\n";
        }
    }

    private string Do(string[] words)
    {
        var key = words[1];
        if (words[0] == "GET")
        {
            var stale = _betrayal == Betrayal.ReadsStale && ++_writes % 97 == 0;
            return (stale ? _before : _values).TryGetValue(key, out var value) ? $"${Encoding.UTF8.GetByteCount(value)}\r\n{value}\r\n" : "$-1\r\n";
        }
        if (_betrayal == Betrayal.RefusesWrites)
            return "-TRYAGAIN not now\r\n";
        var now = ++_writes % 97 == 0 ? _betrayal : Betrayal.None;
        var times = words[0] == "INCR" && now == Betrayal.IncrementsTwice ? 2 : 1;
        var counted = long.Parse(words[0] == "INCR" ? _values.GetValueOrDefault(key, "0") : "0", CultureInfo.InvariantCulture) + times;
        if (now != Betrayal.LosesWrites)
        {
            if (_values.TryGetValue(key, out var old))
                _before[key] = old;
            _values[key] = words[0] == "INCR" ? counted.ToString(CultureInfo.InvariantCulture) : words[2];
            _versions[key] = _versions.GetValueOrDefault(key) + 1;
        }
        return now == Betrayal.DoesWhatItRefused ? "-TRYAGAIN not done\r\n" : words[0] == "INCR" ? $":{counted}\r\n" : "+OK\r\n";
    }

    private async Task<string[]?> ReadAsync(StreamReader reader)
    {
        if (await reader.ReadLineAsync() is not { } head)
            return null;
        // A server that keeps its word closes the connection on the first line that is no command.
        if (!head.StartsWith('*'))
            return _betrayal != Betrayal.RunsStrayLines ? null : head.Split(' ') is ["SET", _, _] typed ? typed : ["GET", head];
        var words = new string[int.Parse(head.AsSpan(1), CultureInfo.InvariantCulture)];
        for (var i = 0; i < words.Length; i++)
        {
            await reader.ReadLineAsync();
            words[i] = (await reader.ReadLineAsync())!;
        }
        return words;
    }
}
