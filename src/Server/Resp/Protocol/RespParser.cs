using System.Buffers.Text;
using RaftKv.Engine.Buffers;

namespace RaftKv.Server.Resp.Protocol;

/// <summary>
/// Finds commands in a stream of bytes, RESP arrays as well as inline lines. It allocates nothing for commands of up to 16 arguments, and looks at every byte a bounded
/// number of times however the stream is cut: what was parsed of an incomplete command is remembered relative to the command's start.
/// Invariant: while a command is incomplete, the caller presents the same bytes again from the command's start, followed by more.
/// Invariant: memory grows with bytes that have arrived, never with lengths that were announced.
/// </summary>
internal sealed class RespParser(RespLimits limits) : IDisposable
{
    private const int UsualArguments = 16;

    private readonly PooledBuffer _inline = new();
    private ArgumentRange[] _ranges = new ArgumentRange[UsualArguments];
    private int _count;
    private int _start;
    private bool _isInline;

    // Of an incomplete command.
    private long _missing;
    private int _parsed;
    private int _pendingLength = -1;

    // Of a command that is being skipped.
    private bool _skipping;
    private long _skipBytes;

    /// <summary>What is wrong, for Oversized and Error.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>The arguments just found in <paramref name="data"/>, the span that was given to <see cref="Next"/>.</summary>
    public RespArguments Arguments(ReadOnlySpan<byte> data) => new(_isInline ? _inline.Span : data[_start..], _ranges.AsSpan(0, _count));

    /// <summary>Looks for the next command at <paramref name="position"/> and moves it past what is done with: past a whole command, never into an incomplete one.</summary>
    public RespParseStatus Next(ReadOnlySpan<byte> data, ref int position)
    {
        if (_skipping)
            return Skip(data, ref position);
        if (position == data.Length)
            return RespParseStatus.Incomplete;

        if (_parsed == 0)
        {
            _count = 0;
            if (_ranges.Length > 1024)
                _ranges = new ArgumentRange[UsualArguments];
            if (data[position] != (byte)'*')
                return Inline(data, ref position);
            if (Line(data[position..], 1, "too big mbulk count string", out var announced, out var next) is not RespParseStatus.Command and var status)
                return status;
            if (announced is null || announced > limits.MaxArguments)
                return Broken("invalid multibulk length");
            if (announced <= 0)
            {
                position += next;
                return RespParseStatus.Empty;
            }
            _missing = announced.Value;
            _parsed = next;
            _isInline = false;
        }
        return Bulks(data, ref position);
    }

    public void Dispose() => _inline.Dispose();

    private RespParseStatus Bulks(ReadOnlySpan<byte> data, ref int position)
    {
        var command = data[position..];
        while (_missing > 0)
        {
            if (_pendingLength < 0)
            {
                if (_parsed == command.Length)
                    return RespParseStatus.Incomplete;
                if (command[_parsed] != (byte)'$')
                    return Broken($"expected '$', got '{(char)command[_parsed]}'");
                if (Line(command[_parsed..], 1, "too big bulk count string", out var announced, out var next) is not RespParseStatus.Command and var status)
                    return status;
                if (announced is null or < 0 || announced > limits.MaxBulkBytes)
                    return Broken("invalid bulk length");
                _parsed += next;
                if (announced > limits.MaxValueBytes || _parsed + announced > limits.MaxCommandBytes)
                {
                    Problem = announced > limits.MaxValueBytes
                        ? $"ERR an argument of {announced} bytes is longer than the limit of {limits.MaxValueBytes} bytes; nothing was changed"
                        : $"ERR the command is longer than the limit of {limits.MaxCommandBytes} bytes; nothing was changed";
                    position += _parsed;
                    _skipping = true;
                    _skipBytes = announced.Value + 2;
                    return Skip(data, ref position);
                }
                _pendingLength = (int)announced.Value;
            }
            if (command.Length - _parsed < _pendingLength + 2)
                return RespParseStatus.Incomplete;
            Add(new ArgumentRange(_parsed, _pendingLength));
            _parsed += _pendingLength + 2;
            _pendingLength = -1;
            _missing--;
        }
        _start = position;
        position += _parsed;
        _parsed = 0;
        return RespParseStatus.Command;
    }

    /// <summary>Passes over the rest of a command whose bytes nobody will keep.</summary>
    private RespParseStatus Skip(ReadOnlySpan<byte> data, ref int position)
    {
        while (true)
        {
            var step = (int)Math.Min(_skipBytes, data.Length - position);
            position += step;
            _skipBytes -= step;
            if (_skipBytes > 0)
                return RespParseStatus.Incomplete;
            if (_missing > 0)
                _missing--;
            if (_missing == 0)
            {
                _skipping = false;
                _parsed = 0;
                _pendingLength = -1;
                return RespParseStatus.Oversized;
            }
            if (!TryNextSkipped(data, ref position, out var status))
            {
                _missing++;
                return status;
            }
        }
    }

    private bool TryNextSkipped(ReadOnlySpan<byte> data, ref int position, out RespParseStatus status)
    {
        status = RespParseStatus.Incomplete;
        if (position == data.Length)
            return false;
        if (data[position] != (byte)'$')
        {
            status = Broken($"expected '$', got '{(char)data[position]}'");
            return false;
        }
        status = Line(data[position..], 1, "too big bulk count string", out var announced, out var next);
        if (status != RespParseStatus.Command)
            return false;
        if (announced is null or < 0 || announced > limits.MaxBulkBytes)
        {
            status = Broken("invalid bulk length");
            return false;
        }
        position += next;
        _skipBytes = announced.Value + 2;
        return true;
    }

    /// <summary>Reads a line that holds a number after <paramref name="skip"/> bytes; null when it is none. As Redis does, a CR ends it and the byte after is taken for LF.</summary>
    private RespParseStatus Line(ReadOnlySpan<byte> data, int skip, string tooLong, out long? number, out int next)
    {
        number = null;
        next = 0;
        var end = data[..Math.Min(data.Length, limits.MaxLineBytes + 1)].IndexOf((byte)'\r');
        if (end < 0)
            return data.Length > limits.MaxLineBytes ? Broken(tooLong) : RespParseStatus.Incomplete;
        if (end + 1 >= data.Length)
            return RespParseStatus.Incomplete;
        next = end + 2;
        number = ParseLength(data[skip..end]);
        return RespParseStatus.Command;
    }

    private static long? ParseLength(ReadOnlySpan<byte> digits)
    {
        if (digits.Length == 1 && (uint)(digits[0] - '0') <= 9)
            return digits[0] - '0';
        return digits.Length is > 0 and <= 20 && digits[0] != (byte)'+' && Utf8Parser.TryParse(digits, out long value, out var used) && used == digits.Length ? value : null;
    }

    private RespParseStatus Inline(ReadOnlySpan<byte> data, ref int position)
    {
        var rest = data[position..];
        var end = rest[..Math.Min(rest.Length, limits.MaxLineBytes + 1)].IndexOf((byte)'\n');
        if (end < 0)
            return rest.Length > limits.MaxLineBytes ? Broken("too big inline request") : RespParseStatus.Incomplete;
        var line = rest[..end];
        if (line.EndsWith("\r"u8))
            line = line[..^1];
        position += end + 1;
        _isInline = true;
        _inline.Clear();
        if (!SplitInline(line))
            return Broken("unbalanced quotes in request");
        return _count == 0 ? RespParseStatus.Empty : RespParseStatus.Command;
    }

    /// <summary>Words apart by spaces; "..." with \n \r \t \b \a \xHH escapes, '...' with \' only; a closing quote must end its word.</summary>
    private bool SplitInline(ReadOnlySpan<byte> line)
    {
        var at = 0;
        while (true)
        {
            while (at < line.Length && IsSpace(line[at]))
                at++;
            if (at == line.Length)
                return true;
            var start = _inline.Length;
            byte quote = 0;
            for (; ; at++)
            {
                if (at == line.Length)
                {
                    if (quote != 0)
                        return false;
                    break;
                }
                var c = line[at];
                if (quote == 0)
                {
                    if (IsSpace(c))
                        break;
                    if (c is (byte)'"' or (byte)'\'')
                        quote = c;
                    else
                        Append(c);
                }
                else if (c == quote)
                {
                    at++;
                    if (at < line.Length && !IsSpace(line[at]))
                        return false;
                    break;
                }
                else if (c == (byte)'\\' && at + 1 < line.Length && (quote == (byte)'"' || line[at + 1] == (byte)'\''))
                    Append(Unescape(line, ref at, quote));
                else
                    Append(c);
            }
            Add(new ArgumentRange(start, _inline.Length - start));
        }
    }

    private static byte Unescape(ReadOnlySpan<byte> line, ref int at, byte quote)
    {
        at++;
        if (quote == (byte)'"' && line[at] == (byte)'x' && at + 2 < line.Length && char.IsAsciiHexDigit((char)line[at + 1]) && char.IsAsciiHexDigit((char)line[at + 2]))
        {
            at += 2;
            return (byte)((HexDigit(line[at - 1]) << 4) | HexDigit(line[at]));
        }
        if (quote == (byte)'\'')
            return line[at];
        return line[at] switch
        {
            (byte)'n' => (byte)'\n',
            (byte)'r' => (byte)'\r',
            (byte)'t' => (byte)'\t',
            (byte)'b' => (byte)'\b',
            (byte)'a' => (byte)7,
            var other => other,
        };
    }

    private static int HexDigit(byte c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

    private static bool IsSpace(byte c) => c is (byte)' ' or (>= 9 and <= 13) or 0;

    private void Append(byte value)
    {
        _inline.GetSpan(1)[0] = value;
        _inline.Advance(1);
    }

    private void Add(ArgumentRange range)
    {
        if (_count == _ranges.Length)
            Array.Resize(ref _ranges, _ranges.Length * 2);
        _ranges[_count++] = range;
    }

    private RespParseStatus Broken(string what)
    {
        Problem = $"ERR Protocol error: {what}";
        return RespParseStatus.Error;
    }
}
