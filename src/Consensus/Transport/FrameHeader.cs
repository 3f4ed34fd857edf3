using System.Buffers.Binary;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// The head of every frame, little-endian: length of what follows the checksum (u32, at least 1), CRC32C of what follows (u32), type (1 byte). The payload follows.
/// </summary>
internal readonly record struct FrameHeader(int PayloadLength, uint Checksum, FrameType Type)
{
    /// <summary>Bytes before the payload.</summary>
    public const int Size = 9;

    /// <summary>Writes the head of a frame with this payload.</summary>
    public static void Write(Span<byte> destination, FrameType type, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)payload.Length + 1);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], ChecksumOf(type, payload));
        destination[8] = (byte)type;
    }

    /// <summary>Reads a head; the checksum can be verified only once the payload is there.</summary>
    /// <exception cref="FrameException">The length is none, or above the limit: nothing may be allocated for it.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> source, int maxPayload)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (length == 0 || length - 1 > (uint)maxPayload)
            throw new FrameException($"a frame announced a length of {length} bytes; 1 to {maxPayload + 1L} are allowed");
        return new FrameHeader((int)(length - 1), BinaryPrimitives.ReadUInt32LittleEndian(source[4..]), (FrameType)source[8]);
    }

    /// <summary>Checks a payload against this head.</summary>
    /// <exception cref="FrameException">They do not belong together.</exception>
    public void Verify(ReadOnlySpan<byte> payload)
    {
        var computed = ChecksumOf(Type, payload);
        if (computed != Checksum)
            throw new FrameException($"a frame of {PayloadLength} bytes has checksum {computed:x8}, its head says {Checksum:x8}");
    }

    private static uint ChecksumOf(FrameType type, ReadOnlySpan<byte> payload) => Crc32C.Append(Crc32C.Compute([(byte)type]), payload);
}
