using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using RaftKv.Tests.Harness.Io;

namespace RaftKv.Tests.Harness.Fuzz;

/// <summary>
/// Draws inputs for a parser from valid ones: bits and bytes changed, numbers replaced by those that break arithmetic, pieces cut out, doubled, moved over from another input, text numbers made huge.
/// Invariant: the same seed and corpus give the same input.
/// </summary>
public sealed class Mutator(SeededRandom random, IReadOnlyList<byte[]> corpus)
{
    private const int MaxBytes = 256 << 10;

    private static readonly string[] Decimals =
    [
        "0", "-0", "1", "-1", "-2", "00", "+1", "15", "16", "255", "65535", "65536", "1048576", "1048577", "16777216", "16777217", "536870912", "536870913", "2147483647", "2147483648", "-2147483648",
        "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999", "1e9", "nan", "inf", "",
    ];

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        if (random.Below(24) == 0)
            return Noise(random.Below(600));
        var input = corpus[random.Below(corpus.Count)];
        for (var changes = 1 + (random.Below(3) == 0 ? random.Below(8) : random.Below(2)); changes > 0; changes--)
            input = Change(input);
        return input.Length <= MaxBytes ? input : input[..MaxBytes];
    }

    private byte[] Change(byte[] input)
    {
        if (input.Length == 0)
            return Noise(1 + random.Below(40));
        return random.Below(13) switch
        {
            0 => Set(input, At(input), b => (byte)(b ^ (1 << random.Below(8)))),
            1 => Set(input, At(input), _ => (byte)random.Below(256)),
            2 => input[..random.Below(input.Length)],
            3 => Insert(input, random.Below(input.Length + 1), Noise(1 + random.Below(20))),
            4 => Cut(input),
            5 => Double(input),
            6 => Splice(input),
            7 or 8 => Number(input),
            9 => Digits(input),
            10 => Zero(input),
            11 => Swap(input),
            _ => Insert(input, random.Below(input.Length + 1), [.. input.Skip(At(input)).Take(1 + random.Below(64))]),
        };
    }

    // Lengths and kinds stand at the front of things: every second change is made there.
    private int At(byte[] input) => random.Below(random.Below(2) == 0 ? input.Length : Math.Min(input.Length, 64));

    private byte[] Noise(int length)
    {
        var bytes = new byte[length];
        random.Fill(bytes);
        return bytes;
    }

    private static byte[] Set(byte[] input, int at, Func<byte, byte> change)
    {
        byte[] output = [.. input];
        output[at] = change(output[at]);
        return output;
    }

    private static byte[] Insert(byte[] input, int at, byte[] piece) => [.. input.AsSpan(0, at), .. piece, .. input.AsSpan(at)];

    private byte[] Cut(byte[] input)
    {
        var (from, length) = Piece(input);
        return [.. input.AsSpan(0, from), .. input.AsSpan(from + length)];
    }

    private byte[] Double(byte[] input)
    {
        var (from, length) = Piece(input);
        return Insert(input, from, input[from..(from + length)]);
    }

    private byte[] Splice(byte[] input)
    {
        var other = corpus[random.Below(corpus.Count)];
        return [.. input.AsSpan(0, random.Below(input.Length + 1)), .. other.AsSpan(random.Below(other.Length + 1))];
    }

    private byte[] Zero(byte[] input)
    {
        byte[] output = [.. input];
        var (from, length) = Piece(input);
        output.AsSpan(from, length).Fill(random.Below(2) == 0 ? (byte)0 : (byte)0xff);
        return output;
    }

    private byte[] Swap(byte[] input)
    {
        byte[] output = [.. input];
        var (from, length) = Piece(input);
        input.AsSpan(from, length).CopyTo(output.AsSpan(random.Below(input.Length - length + 1)));
        return output;
    }

    /// <summary>A field of 1, 2, 4 or 8 bytes lies.</summary>
    private byte[] Number(byte[] input)
    {
        var width = 1 << random.Below(4);
        if (input.Length < width)
            return Set(input, 0, _ => 0xff);
        byte[] output = [.. input];
        var at = Math.Min(At(input), input.Length - width);
        var value = Telling(input.Length, at);
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        var field = output.AsSpan(at, width);
        bytes[..width].CopyTo(field);
        if (random.Below(4) == 0)
            field.Reverse();
        return output;
    }

    private long Telling(int length, int at) => random.Below(20) switch
    {
        0 => 0,
        1 => 1,
        2 => -1,
        3 => int.MaxValue,
        4 => int.MinValue,
        5 => uint.MaxValue,
        6 => long.MaxValue,
        7 => long.MinValue,
        8 => length,
        9 => length + 1,
        10 => length - 1,
        11 => length - at,
        12 => length - at - 4,
        13 => 1L << random.Below(63),
        14 => (1L << random.Below(63)) - 1,
        15 => int.MaxValue - random.Below(64),
        16 => -random.Below(64),
        17 => 1 << 28,
        18 => 1 << 30,
        _ => random.Below(256),
    };

    /// <summary>A number written in digits becomes another one.</summary>
    private byte[] Digits(byte[] input)
    {
        var from = At(input);
        while (from < input.Length && !char.IsAsciiDigit((char)input[from]))
            from++;
        var end = from;
        while (end < input.Length && char.IsAsciiDigit((char)input[end]))
            end++;
        var number = random.Below(4) == 0 ? random.Below(2000).ToString(CultureInfo.InvariantCulture) : Decimals[random.Below(Decimals.Length)];
        return [.. input.AsSpan(0, from), .. Encoding.ASCII.GetBytes(number), .. input.AsSpan(end)];
    }

    private (int From, int Length) Piece(byte[] input)
    {
        var from = random.Below(input.Length);
        return (from, 1 + random.Below(Math.Min(input.Length - from, random.Below(3) == 0 ? input.Length : 32)));
    }
}
