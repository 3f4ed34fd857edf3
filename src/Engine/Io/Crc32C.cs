using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RaftKv.Engine.Io;

/// <summary>
/// CRC-32C (Castagnoli, RFC 3720), the checksum of everything on disk; by the processor's own instruction where there is one.
/// Finds every burst of up to 32 bits and every flip of up to three bits in records of our sizes.
/// </summary>
public static class Crc32C
{
    /// <summary>The checksum of <paramref name="data"/>; "123456789" gives E3069283.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of what <paramref name="checksum"/> covers followed by <paramref name="data"/>.</summary>
    public static uint Append(uint checksum, ReadOnlySpan<byte> data)
    {
        var state = ~checksum;
        ref var start = ref MemoryMarshal.GetReference(data);
        var i = 0;
        for (; i <= data.Length - sizeof(ulong); i += sizeof(ulong))
        {
            var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, i));
            state = BitOperations.Crc32C(state, BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word));
        }

        for (; i < data.Length; i++)
            state = BitOperations.Crc32C(state, Unsafe.Add(ref start, i));
        return ~state;
    }
}
