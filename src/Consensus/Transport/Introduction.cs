using System.Buffers.Binary;
using System.Text;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// What a node says of itself before anything else; payload of <see cref="FrameType.Hello"/> and <see cref="FrameType.Welcome"/>. Little-endian: magic (8 bytes), lowest and
/// highest protocol version spoken (u16 each), cluster (u64), sender (u64), receiver (u64), the sender's incarnation (u64), number of groups (u32), 1 if the sender's identity is final, else 0 (u8),
/// lengths of its name, the cluster's name and the list of nodes (u16 each), then these three in UTF-8.
/// Magic and versions stay where they are in every version, and what follows is ignored, so that versions can refuse each other in words.
/// </summary>
internal readonly record struct Introduction(ushort MinVersion, ushort MaxVersion, NodeIdentity Sender, ulong Receiver)
{
    /// <summary>The protocol version of this program.</summary>
    public const ushort Version = 1;

    /// <summary>Longest payload accepted before the handshake is complete.</summary>
    public const int MaxBytes = 3072;

    private const int FixedBytes = 55;

    private static ReadOnlySpan<byte> Magic => "RAFTKVTP"u8;

    /// <summary>Appends the encoded introduction.</summary>
    public void Write(PooledBuffer into)
    {
        Span<int> lengths = [Encoding.UTF8.GetByteCount(Sender.Name), Encoding.UTF8.GetByteCount(Sender.ClusterName), Encoding.UTF8.GetByteCount(Sender.Members)];
        var length = FixedBytes + lengths[0] + lengths[1] + lengths[2];
        var span = into.GetSpan(length);
        Magic.CopyTo(span);
        BinaryPrimitives.WriteUInt16LittleEndian(span[8..], MinVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(span[10..], MaxVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(span[12..], Sender.Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(span[20..], Sender.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(span[28..], Receiver);
        BinaryPrimitives.WriteUInt64LittleEndian(span[36..], Sender.Incarnation);
        BinaryPrimitives.WriteUInt32LittleEndian(span[44..], (uint)Sender.Groups);
        span[48] = Sender.IsFinal ? (byte)1 : (byte)0;
        for (var i = 0; i < lengths.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(span[(49 + (2 * i))..], (ushort)lengths[i]);
        Encoding.UTF8.GetBytes(Sender.Name, span[FixedBytes..]);
        Encoding.UTF8.GetBytes(Sender.ClusterName, span[(FixedBytes + lengths[0])..]);
        Encoding.UTF8.GetBytes(Sender.Members, span[(FixedBytes + lengths[0] + lengths[1])..]);
        into.Advance(length);
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
        var groups = BinaryPrimitives.ReadUInt32LittleEndian(payload[44..]);
        if (groups > NodeIdentity.MaxGroups)
            throw Malformed($"it names {groups} groups, at most {NodeIdentity.MaxGroups} are allowed");
        if (payload[48] > 1)
            throw Malformed($"whether it is final is told by {payload[48]}");
        int name = BinaryPrimitives.ReadUInt16LittleEndian(payload[49..]), clusterName = BinaryPrimitives.ReadUInt16LittleEndian(payload[51..]), members = BinaryPrimitives.ReadUInt16LittleEndian(payload[53..]);
        if (name + clusterName + members > payload.Length - FixedBytes)
            throw Malformed($"its names of {name}, {clusterName} and {members} bytes reach past its end");
        try
        {
            var sender = new NodeIdentity(
                BinaryPrimitives.ReadUInt64LittleEndian(payload[12..]),
                BinaryPrimitives.ReadUInt64LittleEndian(payload[20..]),
                Encoding.UTF8.GetString(payload.Slice(FixedBytes, name)),
                BinaryPrimitives.ReadUInt64LittleEndian(payload[36..]))
            {
                ClusterName = Encoding.UTF8.GetString(payload.Slice(FixedBytes + name, clusterName)),
                Members = Encoding.UTF8.GetString(payload.Slice(FixedBytes + name + clusterName, members)),
                Groups = (int)groups,
                IsFinal = payload[48] == 1,
            };
            return new Introduction(min, max, sender, BinaryPrimitives.ReadUInt64LittleEndian(payload[28..]));
        }
        catch (ArgumentException e)
        {
            throw Malformed(e.Message);
        }
    }

    private static RefusalException Malformed(string how) => new(RefusalCode.Malformed, $"the introduction cannot be read: {how}");
}
