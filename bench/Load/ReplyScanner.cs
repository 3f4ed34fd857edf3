using System.Text;

namespace RaftKv.Bench.Load;

/// <summary>Counts the replies in a stream of RESP bytes, in whatever pieces they come, without keeping them. Knows what answers to single keys look like; no aggregates.</summary>
public sealed class ReplyScanner
{
    private readonly StringBuilder _line = new();
    private long _skip;

    /// <summary>Replies that were errors, so far.</summary>
    public long Errors { get; private set; }

    /// <summary>The first error's text.</summary>
    public string? FirstError { get; private set; }

    /// <summary>Takes the next bytes; returns how many replies they complete.</summary>
    /// <exception cref="InvalidDataException">The bytes are no reply that this knows.</exception>
    public int Feed(ReadOnlySpan<byte> bytes)
    {
        var complete = 0;
        while (!bytes.IsEmpty)
        {
            if (_skip > 0)
            {
                var skipped = (int)Math.Min(_skip, bytes.Length);
                bytes = bytes[skipped..];
                _skip -= skipped;
                complete += _skip == 0 ? 1 : 0;
                continue;
            }

            var end = bytes.IndexOf((byte)'\n');
            if (_line.Length == 0 && end == 4 && bytes.StartsWith("+OK\r"u8))
            {
                // Nearly every reply to a write: no text is made of it.
                complete++;
            }
            else
            {
                _line.Append(Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]));
                if (end < 0)
                    return complete;
                complete += FinishLine();
            }

            bytes = bytes[(end + 1)..];
        }

        return complete;
    }

    private int FinishLine()
    {
        var line = _line.ToString().TrimEnd('\r');
        _line.Clear();
        switch (line.Length == 0 ? '\0' : line[0])
        {
            case '+' or ':' or '_' or '#' or ',':
                return 1;
            case '-':
                Errors++;
                FirstError ??= line[1..];
                return 1;
            case '$' when long.TryParse(line.AsSpan(1), out var length):
                _skip = length < 0 ? 0 : length + 2;
                return length < 0 ? 1 : 0;
            default:
                throw new InvalidDataException($"not a reply: '{line}'");
        }
    }
}
