using System.Buffers.Binary;
using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.State.Encoding;

/// <summary>What <see cref="ByteReader"/> reads, written to a <see cref="PooledBuffer"/>.</summary>
internal static class ByteWriter
{
    /// <summary>Begins a command: its envelope without identity.</summary>
    public static void WriteEnvelope(this PooledBuffer into, CommandKind kind)
    {
        var envelope = into.GetSpan(CommandEnvelope.Size)[..CommandEnvelope.Size];
        envelope.Clear();
        envelope[0] = (byte)kind;
        into.Advance(CommandEnvelope.Size);
    }

    public static void WriteByte(this PooledBuffer into, byte value)
    {
        into.GetSpan(1)[0] = value;
        into.Advance(1);
    }

    public static void WriteUInt32(this PooledBuffer into, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into.GetSpan(4), value);
        into.Advance(4);
    }

    public static void WriteUInt64(this PooledBuffer into, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into.GetSpan(8), value);
        into.Advance(8);
    }

    public static void WriteInt64(this PooledBuffer into, long value) => into.WriteUInt64(unchecked((ulong)value));

    public static void WriteLength(this PooledBuffer into, int value)
    {
        var span = into.GetSpan(5);
        var rest = (uint)value;
        var count = 0;
        for (; rest >= 0x80; rest >>= 7)
            span[count++] = (byte)(rest | 0x80);
        span[count++] = (byte)rest;
        into.Advance(count);
    }

    public static void WriteBytes(this PooledBuffer into, ReadOnlySpan<byte> bytes)
    {
        into.WriteLength(bytes.Length);
        into.Write(bytes);
    }
}
