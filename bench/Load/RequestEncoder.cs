using System.Text;
using RaftKv.Engine.Buffers;

namespace RaftKv.Bench.Load;

/// <summary>Draws requests and encodes them. One per client.</summary>
public sealed class RequestEncoder
{
    private const string KeyFormat = "key:000000000000";
    private readonly LoadOptions _options;
    private readonly Random _random;
    private readonly byte[] _set;
    private readonly byte[] _get;
    private readonly int _setKeyAt;
    private readonly int _getKeyAt;

    /// <summary>Creates the encoder of client number <paramref name="client"/>.</summary>
    public RequestEncoder(LoadOptions options, int client)
    {
        _options = options;
        _random = new Random((options.Seed * 1_000_003) + client);
        var value = new byte[options.Size];
        _random.NextBytes(value);
        var wait = options.WaitReplicas == 0 ? "" : $"*3\r\n$4\r\nWAIT\r\n$1\r\n{options.WaitReplicas}\r\n$4\r\n5000\r\n";
        _set = [.. Encoding.ASCII.GetBytes($"*3\r\n$3\r\nSET\r\n$16\r\n{KeyFormat}\r\n${options.Size}\r\n"), .. value, .. Encoding.ASCII.GetBytes($"\r\n{wait}")];
        _get = Encoding.ASCII.GetBytes($"*2\r\n$3\r\nGET\r\n$16\r\n{KeyFormat}\r\n");
        _setKeyAt = _set.AsSpan().IndexOf(Encoding.ASCII.GetBytes(KeyFormat));
        _getKeyAt = _get.AsSpan().IndexOf(Encoding.ASCII.GetBytes(KeyFormat));
    }

    /// <summary>Appends one request; returns the number of replies that it will have.</summary>
    public int Append(PooledBuffer into)
    {
        var isSet = _options.Mix switch { Mix.Set => true, Mix.Get => false, _ => _random.Next(10) == 0 };
        return isSet ? AppendSet(into, _random.Next(_options.Keys)) : AppendGet(into, _random.Next(_options.Keys));
    }

    /// <summary>Appends a write of a given key.</summary>
    public int AppendSet(PooledBuffer into, int key)
    {
        Append(into, _set, _setKeyAt, key);
        return _options.WaitReplicas == 0 ? 1 : 2;
    }

    private int AppendGet(PooledBuffer into, int key)
    {
        Append(into, _get, _getKeyAt, key);
        return 1;
    }

    private static void Append(PooledBuffer into, byte[] template, int keyAt, int key)
    {
        var start = into.Length;
        into.Write(template);
        var digits = into.WritableSpan.Slice(start + keyAt, KeyFormat.Length);
        for (var i = digits.Length - 1; key > 0; i--, key /= 10)
            digits[i] = (byte)('0' + (key % 10));
    }
}
