using System.Buffers.Binary;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Wal.Format;

/// <summary>
/// The head of a frame: what one write of the log puts on disk. 48 bytes, little-endian: magic (4), CRC-32C of the bytes after it (4), sequence (8), segment number (8),
/// first segment still needed (8), body length (4), number of records (4), CRC-32C of the body (4), number of sectors that are all zero (4). The records follow, then zeros to a multiple of 512.
/// </summary>
/// <remarks>
/// Invariant: sequences grow by one over the whole log, and a frame is written only after the one before it is durable. So a frame proves all earlier ones.
/// Invariant: no two frames share a 512-byte sector, so that a torn write can not touch what was acknowledged.
/// </remarks>
internal readonly record struct FrameHeader(ulong Sequence, ulong Segment, ulong FirstSegment, int BodyLength, int Records, uint BodyChecksum, int ZeroSectors)
{
    /// <summary>Bytes of the head.</summary>
    public const int Size = 48;

    /// <summary>Frames begin at multiples of this; devices write at least so much at once or not at all.</summary>
    public const int Sector = 512;

    private const uint Magic = 0x464B_5652; // "RVKF"

    /// <summary>Bytes of the frame in the file, padding included.</summary>
    public long FrameSize => FrameSizeOf(BodyLength);

    /// <summary>Bytes in the file of a frame with such a body.</summary>
    public static long FrameSizeOf(long bodyLength) => (Size + bodyLength + Sector - 1) & ~(Sector - 1L);

    /// <summary>How many whole sectors of a frame, behind the one with its head, are zero: as many look unwritten although they were written.</summary>
    public static int CountZeroSectors(ReadOnlySpan<byte> frame)
    {
        var count = 0;
        for (var offset = Sector; offset < frame.Length; offset += Sector)
        {
            if (frame.Slice(offset, Sector).IndexOfAnyExcept((byte)0) < 0)
                count++;
        }

        return count;
    }

    /// <summary>Writes the head. <paramref name="seed"/> is the segment's: see <see cref="SegmentHeader.Seed"/>.</summary>
    public void Encode(Span<byte> target, uint seed)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Segment);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], FirstSegment);
        BinaryPrimitives.WriteInt32LittleEndian(target[32..], BodyLength);
        BinaryPrimitives.WriteInt32LittleEndian(target[36..], Records);
        BinaryPrimitives.WriteUInt32LittleEndian(target[40..], BodyChecksum);
        BinaryPrimitives.WriteInt32LittleEndian(target[44..], ZeroSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Append(seed, target[8..Size]));
    }

    /// <summary>Reads a head; false unless it is intact and was written to this segment of this log.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, uint seed, ulong segment, out FrameHeader header)
    {
        header = default;
        if (source.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
            return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Crc32C.Append(seed, source[8..Size]))
            return false;
        header = new FrameHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[36..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[40..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[44..]));
        return header.Segment == segment && header.BodyLength >= 0 && header.Records >= 0;
    }
}
