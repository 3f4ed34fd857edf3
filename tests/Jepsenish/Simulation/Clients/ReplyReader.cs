using System.Globalization;
using System.Text;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>Reads replies from bytes that arrive in any pieces.</summary>
internal sealed class ReplyReader
{
    private readonly List<byte> _bytes = [];

    /// <summary>Bytes arrived.</summary>
    public void Add(byte[] bytes) => _bytes.AddRange(bytes);

    /// <summary>The connection they came from is gone.</summary>
    public void Clear() => _bytes.Clear();

    /// <summary>Takes the next whole reply; null if there is none yet.</summary>
    public RespReply? Next()
    {
        var position = 0;
        var reply = Read(ref position);
        if (reply is not null)
            _bytes.RemoveRange(0, position);
        return reply;
    }

    private RespReply? Read(ref int position)
    {
        var end = _bytes.IndexOf((byte)'\n', Math.Min(position, _bytes.Count));
        if (end < 0)
            return null;
        var kind = (char)_bytes[position];
        var line = Text(position + 1, end - 1 - (position + 1));
        position = end + 1;
        switch (kind)
        {
            case '+' or '-' or ':':
                return new RespReply(kind, line);
            case '_':
                return new RespReply(kind, null);
            case '$':
                return ReadBulk(int.Parse(line, CultureInfo.InvariantCulture), ref position);
            case '*':
                return ReadArray(int.Parse(line, CultureInfo.InvariantCulture), ref position);
            default:
                throw new SimulationViolationException($"a server answered what is no reply: {kind}{line}");
        }
    }

    private RespReply? ReadBulk(int length, ref int position)
    {
        if (length < 0)
            return new RespReply('$', null);
        if (_bytes.Count < position + length + 2)
            return null;
        var text = Text(position, length);
        position += length + 2;
        return new RespReply('$', text);
    }

    private RespReply? ReadArray(int count, ref int position)
    {
        if (count < 0)
            return new RespReply('*', null);
        var items = new RespReply[count];
        for (var i = 0; i < count; i++)
        {
            if (Read(ref position) is not { } item)
                return null;
            items[i] = item;
        }

        return new RespReply('*', null, items);
    }

    private string Text(int from, int length) => Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes).Slice(from, length));
}
