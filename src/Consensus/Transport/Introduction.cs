using System.Buffers.Binary;
using System.Text;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// What a node says of itself before anything else; payload of <see cref="FrameType.Hello"/> and <see cref="FrameType.Welcome"/>. Little-endian: magic (8 bytes), lowest and
/// highest protocol version spoken (u16 each), cluster (u64), sender (u64), receiver (u64), the sender's incarnation (u64), length of its name (u16), name in UTF-8.
/// Magic and versions stay where they are in every version, and what follows the name is ignored, so that versions can refuse each other in words.
/// </summary>
internal readonly record struct Introduction(ushort MinVersion, ushort MaxVersion, NodeIdentity Sender, ulong Receiver)
{
    /// <summary>The protocol version of this program.</summary>
    public const ushort Version = 1;

    /// <summary>Longest payload accepted before the handshake is complete.</summary>
    public const int MaxBytes = 1024;

    private const int FixedBytes = 46;

    private static ReadOnlySpan<byte> Magic => "RAFTKVTP"u8;

    /// <summary>Appends the encoded introduction.</summary>
    public void Write(PooledBuffer into)
    {
        var nameLength = Encoding.UTF8.GetByteCount(Sender.Name);
        var span = into.GetSpan(FixedBytes + nameLength);
        Magic.CopyTo(span);
        BinaryPrimitives.WriteUInt16LittleEndian(span[8..], MinVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(span[10..], MaxVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(span[12..], Sender.Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(span[20..], Sender.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(span[28..], Receiver);
        BinaryPrimitives.WriteUInt64LittleEndian(span[36..], Sender.Incarnation);
        BinaryPrimitives.WriteUInt16LittleEndian(span[44..], (ushort)nameLength);
        Encoding.UTF8.GetBytes(Sender.Name, span[FixedBytes..]);
        into.Advance(FixedBytes + nameLength);
    }

    /// <summary>Decodes an introduction; what it claims is not checked.</summary>
    /// <exception cref="RefusalException">It cannot be read, or no common version is spoken.</exception>
    public static Introduction Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 12 || !payload.StartsWith(Magic))
            throw Malformed("it does not begin with the magic bytes");
        var (min, max) = (BinaryPrimitives.ReadUInt16LittleEndian(payload[8..]), BinaryPrimitives.ReadUInt16LittleEndian(payload[10..]));
        if (min > max)
            throw Malformed($"its versions go from {min} to {max}");
        if (Version < min || Version > max)
            throw new RefusalException(RefusalCode.Version, $"this node speaks protocol version {Version}, the other side {(min == max ? $"version {min}" : $"versions {min} to {max}")}");
        if (payload.Length < FixedBytes)
            throw Malformed($"it has {payload.Length} bytes, at least {FixedBytes} are needed");
        var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(payload[44..]);
        if (nameLength > payload.Length - FixedBytes)
            throw Malformed($"its name of {nameLength} bytes reaches past its end");
        try
        {
            var sender = new NodeIdentity(
                BinaryPrimitives.ReadUInt64LittleEndian(payload[12..]),
                BinaryPrimitives.ReadUInt64LittleEndian(payload[20..]),
                Encoding.UTF8.GetString(payload.Slice(FixedBytes, nameLength)),
                BinaryPrimitives.ReadUInt64LittleEndian(payload[36..]));
            return new Introduction(min, max, sender, BinaryPrimitives.ReadUInt64LittleEndian(payload[28..]));
        }
        catch (ArgumentException e)
        {
            throw Malformed(e.Message);
        }
    }

    private static RefusalException Malformed(string how) => new(RefusalCode.Malformed, $"the introduction cannot be read: {how}");
}
