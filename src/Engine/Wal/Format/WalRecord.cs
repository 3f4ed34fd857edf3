using System.Buffers.Binary;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Wal.Format;

/// <summary>
/// The head of a record, 40 bytes, little-endian: CRC-32C of all that follows (4), payload length (4), type (1), entry kind (1), zero (2), group (4),
/// index (8), term (8), timestamp (8); then the payload, then zeros to a multiple of 8.
/// A hard state has its term in Term and its vote in Index; a start has its index and term in their places.
/// </summary>
internal readonly record struct WalRecord(RecordType Type, byte Kind, uint Group, ulong Index, ulong Term, long Timestamp, int Length)
{
    /// <summary>Bytes of the head.</summary>
    public const int HeadSize = 40;

    /// <summary>Bytes of the record, padding included.</summary>
    public long Size => SizeOf(Length);

    /// <summary>Bytes of a record with so much payload, padding included.</summary>
    public static long SizeOf(int payloadLength) => (HeadSize + (long)payloadLength + 7) & ~7L;

    /// <summary>Writes the head in front of a payload that is already in its place, <paramref name="record"/> being both.</summary>
    public void Encode(Span<byte> record)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], Length);
        record[8] = (byte)Type;
        record[9] = Kind;
        BinaryPrimitives.WriteUInt16LittleEndian(record[10..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(record[12..], Group);
        BinaryPrimitives.WriteUInt64LittleEndian(record[16..], Index);
        BinaryPrimitives.WriteUInt64LittleEndian(record[24..], Term);
        BinaryPrimitives.WriteInt64LittleEndian(record[32..], Timestamp);
        BinaryPrimitives.WriteUInt32LittleEndian(record, Crc32C.Compute(record[4..(HeadSize + Length)]));
    }

    /// <summary>Reads a head as it stands; nothing is checked.</summary>
    public static WalRecord Decode(ReadOnlySpan<byte> record) => new(
        (RecordType)record[8],
        record[9],
        BinaryPrimitives.ReadUInt32LittleEndian(record[12..]),
        BinaryPrimitives.ReadUInt64LittleEndian(record[16..]),
        BinaryPrimitives.ReadUInt64LittleEndian(record[24..]),
        BinaryPrimitives.ReadInt64LittleEndian(record[32..]),
        BinaryPrimitives.ReadInt32LittleEndian(record[4..]));

    /// <summary>Whether head and payload are as they were written.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> record, int payloadLength) =>
        BinaryPrimitives.ReadInt32LittleEndian(record[4..]) == payloadLength
        && BinaryPrimitives.ReadUInt32LittleEndian(record) == Crc32C.Compute(record[4..(HeadSize + payloadLength)]);
}
