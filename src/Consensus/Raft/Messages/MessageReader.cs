using System.Buffers.Binary;

namespace RaftKv.Consensus.Raft.Messages;

/// <summary>
/// Reads little-endian fields of one message. A read past the end gives zero and is remembered, so that decoding is straight-line code with one check at its end.
/// Invariant: never reads outside the memory it was given.
/// </summary>
internal struct MessageReader(ReadOnlyMemory<byte> memory)
{
    private int _position;

    /// <summary>Whether everything read so far was there and made sense.</summary>
    public bool Valid { get; private set; } = true;

    /// <summary>Whether everything was read, and nothing is left.</summary>
    public readonly bool Complete => Valid && _position == memory.Length;

    /// <summary>Bytes not read yet.</summary>
    public readonly int Remaining => memory.Length - _position;

    public byte Byte() => Take(1) is { Length: 1 } bytes ? bytes.Span[0] : (byte)0;

    public bool Flag()
    {
        var value = Byte();
        Require(value <= 1);
        return value == 1;
    }

    public uint UInt32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span) : 0;

    public ulong UInt64() => Take(8) is { Length: 8 } bytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span) : 0;

    public long Int64() => (long)UInt64();

    /// <summary>A slice of the frame, not a copy.</summary>
    public ReadOnlyMemory<byte> Bytes(uint length) => length <= (uint)Remaining ? Take((int)length) : Fail();

    /// <summary>Makes the message invalid unless a condition holds.</summary>
    public void Require(bool condition) => Valid &= condition;

    private ReadOnlyMemory<byte> Take(int length)
    {
        if (!Valid || length > Remaining)
            return Fail();
        _position += length;
        return memory.Slice(_position - length, length);
    }

    private ReadOnlyMemory<byte> Fail()
    {
        Valid = false;
        return default;
    }
}
