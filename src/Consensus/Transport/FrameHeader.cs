using System.Buffers.Binary;
using RaftKv.Engine.Io;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// The head of every frame, little-endian: 1 + length of the payload (u32), CRC32C of type and payload (u32), type (1 byte), CRC32C of these nine bytes (u32). The payload follows.
/// The head has a checksum of its own because a wrong length would otherwise be waited for: everything behind it would vanish into one frame, and the connection would look alive.
/// </summary>
internal readonly record struct FrameHeader(int PayloadLength, uint Checksum, FrameType Type)
{
    /// <summary>Bytes before the payload.</summary>
    public const int Size = 13;

    private const int CheckedBytes = 9;

    /// <summary>Writes the head of a frame with this payload.</summary>
    public static void Write(Span<byte> destination, FrameType type, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)payload.Length + 1);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], ChecksumOf(type, payload));
        destination[8] = (byte)type;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[CheckedBytes..], Crc32C.Compute(destination[..CheckedBytes]));
    }

    /// <summary>Reads a head; the checksum can be verified only once the payload is there.</summary>
    /// <exception cref="FrameException">The length is none, or above the limit: nothing may be allocated for it. Or the head is not as it was written.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> source, int maxPayload)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(source);
        if (length == 0 || length - 1 > (uint)maxPayload)
            throw new FrameException($"a frame announced a length of {length} bytes; 1 to {maxPayload + 1L} are allowed");
        var computed = Crc32C.Compute(source[..CheckedBytes]);
        if (computed != BinaryPrimitives.ReadUInt32LittleEndian(source[CheckedBytes..]))
            throw new FrameException($"the head of a frame has checksum {computed:x8}, it says {BinaryPrimitives.ReadUInt32LittleEndian(source[CheckedBytes..]):x8}");
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
