using System.Buffers.Text;
using System.Globalization;

namespace RaftKv.Engine.State.Encoding;

/// <summary>Numbers as values hold them: text, with the rules of Redis. The same bytes on every platform and culture.</summary>
internal static class Numbers
{
    /// <summary>Longest text of a 64-bit integer.</summary>
    public const int MaxIntegerLength = 20;

    /// <summary>Longest text that <see cref="TryFormat(double, Span{byte}, out int)"/> writes: a sign, 309 digits, a point, 17 decimals, and room to cut them in.</summary>
    public const int MaxFloatLength = 400;

    private const NumberStyles FloatStyle = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    // Beyond this a sum may not fit a decimal's 28 digits; it is then computed in binary.
    private const double DecimalRange = 1e27;

    /// <summary>Reads an integer in its one canonical form: no plus, no leading zeros, no spaces.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long value)
    {
        Span<byte> canonical = stackalloc byte[MaxIntegerLength];
        return Utf8Parser.TryParse(text, out value, out var consumed) && consumed == text.Length
            && Utf8Formatter.TryFormat(value, canonical, out var written) && canonical[..written].SequenceEqual(text);
    }

    /// <summary>Reads a finite decimal number, with or without an exponent.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double value) =>
        // NUL bytes behind a number, which .NET takes for its end, are none of it.
        double.TryParse(text.IndexOf((byte)0) < 0 ? text : default, FloatStyle, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    /// <summary>
    /// Adds two numbers given as text. Exact in decimal (so that 0.1 + 0.2 is 0.3) up to 17 decimals and 28 digits; beyond that range as binary doubles.
    /// </summary>
    /// <returns>Ok with the sum's text, NotAFloat, or Overflow.</returns>
    public static ResultStatus Add(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> sum, out int written)
    {
        written = 0;
        if (!TryParse(left, out double a) || !TryParse(right, out double b))
            return ResultStatus.NotAFloat;
        if (Math.Abs(a) < DecimalRange && Math.Abs(b) < DecimalRange
            && decimal.TryParse(left, FloatStyle, CultureInfo.InvariantCulture, out var x) && decimal.TryParse(right, FloatStyle, CultureInfo.InvariantCulture, out var y))
        {
            var exact = decimal.Round(x + y, 17);
            exact.TryFormat(sum, out written, "0.#################", CultureInfo.InvariantCulture);
            // A negative sum too small to show would print as "-0".
            if (sum[..written].SequenceEqual("-0"u8))
                written = Copy("0"u8, sum);
            return ResultStatus.Ok;
        }
        return TryFormat(a + b, sum, out written) ? ResultStatus.Ok : ResultStatus.Overflow;
    }

    /// <summary>Writes a finite number with up to 17 decimals, without exponent.</summary>
    public static bool TryFormat(double value, Span<byte> text, out int written)
    {
        written = 0;
        if (!double.IsFinite(value))
            return false;
        if (!value.TryFormat(text, out written, "0.#################", CultureInfo.InvariantCulture))
            return false;
        // Custom formats stop at 15 digits; for large numbers the integer part is exact in the "F0" form.
        if (Math.Abs(value) >= 1e15 && !value.TryFormat(text, out written, "F0", CultureInfo.InvariantCulture))
            return false;
        return true;
    }

    private static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        from.CopyTo(to);
        return from.Length;
    }
}
