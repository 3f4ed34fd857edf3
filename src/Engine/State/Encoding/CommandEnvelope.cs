using System.Buffers.Binary;

namespace RaftKv.Engine.State.Encoding;

/// <summary>
/// The fixed head of every encoded command: kind (1 byte), flags (1, zero), then little-endian session, sequence and acknowledged-below (8 bytes each).
/// The body follows. The node that accepts a write from its caller stamps the identity in place; session 0 means none, allowed for queries and internal commands.
/// </summary>
public static class CommandEnvelope
{
    /// <summary>Bytes before the body.</summary>
    public const int Size = 26;

    /// <summary>The command's kind.</summary>
    public static CommandKind Kind(ReadOnlySpan<byte> command) => (CommandKind)command[0];

    /// <summary>The session that the command belongs to.</summary>
    public static ulong Session(ReadOnlySpan<byte> command) => BinaryPrimitives.ReadUInt64LittleEndian(command[2..]);

    /// <summary>The command's number in its session, from 1.</summary>
    public static ulong Sequence(ReadOnlySpan<byte> command) => BinaryPrimitives.ReadUInt64LittleEndian(command[10..]);

    /// <summary>All sequences below are known to the client: their results need no longer be kept.</summary>
    public static ulong AcknowledgedBelow(ReadOnlySpan<byte> command) => BinaryPrimitives.ReadUInt64LittleEndian(command[18..]);

    /// <summary>Gives a command its identity, which makes retries of it harmless.</summary>
    public static void Stamp(Span<byte> command, ulong session, ulong sequence, ulong acknowledgedBelow)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(command[2..], session);
        BinaryPrimitives.WriteUInt64LittleEndian(command[10..], sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(command[18..], acknowledgedBelow);
    }
}
