using System.Buffers.Binary;

namespace RaftKv.Engine.State.Encoding;

/// <summary>
/// Reads commands and results front to back. Every read is checked against the end: bytes that lie about their length give false, never an exception or a read past the end.
/// </summary>
/// <remarks>Invariant: after a read that returned false nothing more may be concluded from the bytes.</remarks>
public ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>Whether everything has been read.</summary>
    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>Reads one byte.</summary>
    public bool TryReadByte(out byte value)
    {
        value = 0;
        if (_rest.IsEmpty)
            return false;
        value = _rest[0];
        _rest = _rest[1..];
        return true;
    }

    /// <summary>Reads 4 bytes, little-endian.</summary>
    public bool TryReadUInt32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(_rest, out value))
            return false;
        _rest = _rest[4..];
        return true;
    }

    /// <summary>Reads 8 bytes, little-endian.</summary>
    public bool TryReadUInt64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(_rest, out value))
            return false;
        _rest = _rest[8..];
        return true;
    }

    /// <summary>Reads 8 bytes, little-endian, signed.</summary>
    public bool TryReadInt64(out long value)
    {
        var read = TryReadUInt64(out var bits);
        value = unchecked((long)bits);
        return read;
    }

    /// <summary>Reads a length of 1 to 5 bytes, 7 bits each, least significant first; only the shortest form is accepted, so that equal commands are equal bytes.</summary>
    public bool TryReadLength(out int value)
    {
        value = 0;
        for (var i = 0; i < 5; i++)
        {
            if (!TryReadByte(out var b))
                return false;
            if (i == 4 && b > 0x07)
                return false;
            value |= (b & 0x7F) << (7 * i);
            if (b < 0x80)
                return i == 0 || b != 0;
        }
        return false;
    }

    /// <summary>Reads a length and as many bytes.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return TryReadLength(out var length) && TryReadExactly(length, out bytes);
    }

    /// <summary>Reads a given number of bytes.</summary>
    public bool TryReadExactly(int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if ((uint)length > (uint)_rest.Length)
            return false;
        bytes = _rest[..length];
        _rest = _rest[length..];
        return true;
    }
}
