using System.Buffers.Text;
using System.Globalization;

namespace RaftKv.Server.Resp.Protocol;

/// <summary>Numbers in arguments, by the rules of Redis: one canonical form for integers, no spaces.</summary>
internal static class RespNumbers
{
    public static bool TryParse(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.IsEmpty || text.Length > 20 || text[0] == (byte)'+')
            return false;
        var digits = text[0] == (byte)'-' ? text[1..] : text;
        if (digits.IsEmpty || (digits[0] == (byte)'0' && (digits.Length > 1 || text.Length > 1)))
            return false;
        return Utf8Parser.TryParse(text, out value, out var used) && used == text.Length;
    }

    public static bool TryParseFloat(ReadOnlySpan<byte> text, out double value) =>
        // .NET takes NUL bytes behind a number for its end.
        double.TryParse(text.IndexOf((byte)0) < 0 ? text : default, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value)
        && !double.IsNaN(value);
}
