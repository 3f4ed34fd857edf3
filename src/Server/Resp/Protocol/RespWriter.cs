using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace RaftKv.Server.Resp.Protocol;

/// <summary>Writes replies in the protocol version that the connection chose; where RESP3 has a type of its own (null, map, set, double) and RESP2 has none, RESP2 gets its old form.</summary>
internal sealed class RespWriter(IBufferWriter<byte> output)
{
    private const int LongestHeader = 32;

    /// <summary>Where the bytes go. Changed while replies are to be kept back or thrown away.</summary>
    public IBufferWriter<byte> Output { get; set; } = output;

    /// <summary>2 or 3.</summary>
    public int Protocol { get; set; } = 2;

    /// <summary>Bytes written since the start of the connection.</summary>
    public long Written { get; private set; }

    public void Ok() => Raw("+OK\r\n"u8);

    public void Simple(ReadOnlySpan<byte> text)
    {
        var span = Output.GetSpan(text.Length + 3);
        span[0] = (byte)'+';
        text.CopyTo(span[1..]);
        "\r\n"u8.CopyTo(span[(text.Length + 1)..]);
        Advance(text.Length + 3);
    }

    /// <summary>An error; its first word is the code. Line breaks, which would forge further replies, become spaces.</summary>
    public void Error(string text)
    {
        var span = Output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length) + 3);
        span[0] = (byte)'-';
        var length = Encoding.UTF8.GetBytes(text, span[1..]);
        var body = span.Slice(1, length);
        body.Replace((byte)'\r', (byte)' ');
        body.Replace((byte)'\n', (byte)' ');
        "\r\n"u8.CopyTo(span[(length + 1)..]);
        Advance(length + 3);
    }

    public void Integer(long value)
    {
        if ((ulong)value <= 9)
        {
            var small = Output.GetSpan(4);
            small[0] = (byte)':';
            small[1] = (byte)('0' + value);
            small[2] = (byte)'\r';
            small[3] = (byte)'\n';
            Advance(4);
            return;
        }
        Header((byte)':', value);
    }

    public void Bulk(ReadOnlySpan<byte> value)
    {
        // One reservation for header, small value and trailer: the common case.
        if (value.Length <= 2048)
        {
            var span = Output.GetSpan(value.Length + LongestHeader);
            span[0] = (byte)'$';
            Utf8Formatter.TryFormat(value.Length, span[1..], out var digits);
            var at = digits + 1;
            span[at++] = (byte)'\r';
            span[at++] = (byte)'\n';
            value.CopyTo(span[at..]);
            at += value.Length;
            span[at++] = (byte)'\r';
            span[at++] = (byte)'\n';
            Advance(at);
            return;
        }
        Header((byte)'$', value.Length);
        Raw(value);
        Raw("\r\n"u8);
    }

    public void Bulk(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Bulk(bytes);
    }

    /// <summary>Multi-line text for people: verbatim in RESP3.</summary>
    public void Text(string text)
    {
        if (Protocol < 3)
        {
            Bulk(text);
            return;
        }
        var bytes = Encoding.UTF8.GetBytes(text);
        Header((byte)'=', bytes.Length + 4);
        Raw("txt:"u8);
        Raw(bytes);
        Raw("\r\n"u8);
    }

    public void Null() => Raw(Protocol < 3 ? "$-1\r\n"u8 : "_\r\n"u8);

    public void NullArray() => Raw(Protocol < 3 ? "*-1\r\n"u8 : "_\r\n"u8);

    public void Array(long count) => Header((byte)'*', count);

    public void Set(long count) => Header(Protocol < 3 ? (byte)'*' : (byte)'~', count);

    /// <summary>Begins a map of <paramref name="count"/> pairs: in RESP2 a flat array.</summary>
    public void Map(long count) => Header(Protocol < 3 ? (byte)'*' : (byte)'%', Protocol < 3 ? count * 2 : count);

    /// <summary>Appends bytes that are RESP already.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        Output.Write(bytes);
        Written += bytes.Length;
    }

    private void Header(byte type, long value)
    {
        var span = Output.GetSpan(LongestHeader);
        span[0] = type;
        Utf8Formatter.TryFormat(value, span[1..], out var digits);
        span[digits + 1] = (byte)'\r';
        span[digits + 2] = (byte)'\n';
        Advance(digits + 3);
    }

    private void Advance(int count)
    {
        Output.Advance(count);
        Written += count;
    }

    /// <summary>As Redis prints floating-point replies: shortest text that gives the number back.</summary>
    public static string FormatDouble(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
