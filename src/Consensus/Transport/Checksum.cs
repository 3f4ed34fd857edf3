using System.Numerics;
using System.Runtime.InteropServices;

namespace RaftKv.Consensus.Transport;

/// <summary>CRC32C (Castagnoli), with the usual inversion before and after: the check of "123456789" is 0xE3069283.</summary>
internal static class Checksum
{
    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> data) => ~Append(~0u, data);

    /// <summary>The checksum of one byte followed by <paramref name="data"/>.</summary>
    public static uint Of(byte first, ReadOnlySpan<byte> data) => ~Append(BitOperations.Crc32C(~0u, first), data);

    private static uint Append(uint state, ReadOnlySpan<byte> data)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (var word in words)
            state = BitOperations.Crc32C(state, word);
        foreach (var rest in data[(words.Length * sizeof(ulong))..])
            state = BitOperations.Crc32C(state, rest);
        return state;
    }
}
