using System.Buffers.Binary;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>
/// The prefix of every key in FASTER: group (4), incarnation (4), keyspace (1), big-endian. An incarnation number is never used for two things in a store's life, so that clearing or replacing a keyspace is only a matter of taking a new one.
/// </summary>
internal readonly record struct SpaceId(uint Group, uint Incarnation, Keyspace Space)
{
    /// <summary>Bytes of the prefix.</summary>
    public const int Size = 9;

    /// <summary>Writes the prefix.</summary>
    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, Group);
        BinaryPrimitives.WriteUInt32BigEndian(into[4..], Incarnation);
        into[8] = (byte)Space;
    }

    /// <summary>Reads the prefix.</summary>
    public static SpaceId Read(ReadOnlySpan<byte> key) => new(BinaryPrimitives.ReadUInt32BigEndian(key), BinaryPrimitives.ReadUInt32BigEndian(key[4..]), (Keyspace)key[8]);
}
