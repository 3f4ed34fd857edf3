using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace RaftKv.Engine.Buffers;

/// <summary>
/// A growable byte buffer over <see cref="ArrayPool{T}.Shared"/>, and over <see cref="LargeArrays"/> above a size. It is reused: <see cref="Clear"/> keeps the array, <see cref="Dispose"/> gives it back.
/// Not thread-safe; handed from one owner to the next.
/// Invariant: bytes [0, Length) are written; the array is owned by exactly one PooledBuffer.
/// </summary>
public sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[] _array;
    private int _length;

    /// <summary>Creates an empty buffer; memory is rented on first use.</summary>
    public PooledBuffer() => _array = [];

    /// <summary>Creates an empty buffer with room for <paramref name="capacity"/> bytes.</summary>
    public PooledBuffer(int capacity) => _array = capacity == 0 ? [] : Rent(capacity);

    /// <summary>Bytes written.</summary>
    public int Length => _length;

    /// <summary>Bytes for which there is memory.</summary>
    public int Capacity => _array.Length;

    /// <summary>The written bytes; valid until the next write, <see cref="Clear"/> or <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Span => _array.AsSpan(0, _length);

    /// <summary>The written bytes, for patching in place.</summary>
    public Span<byte> WritableSpan => _array.AsSpan(0, _length);

    /// <summary>The written bytes; valid until the next write, <see cref="Clear"/> or <see cref="Dispose"/>.</summary>
    public ReadOnlyMemory<byte> Memory => _array.AsMemory(0, _length);

    /// <summary>Forgets the content, keeps the array.</summary>
    public void Clear() => _length = 0;

    /// <summary>Cuts or grows to <paramref name="length"/> bytes; bytes gained are undefined.</summary>
    public void SetLength(int length)
    {
        if (length > _array.Length)
            Grow(length - _length);
        _length = length;
    }

    /// <summary>Appends a copy of <paramref name="bytes"/>.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _length += bytes.Length;
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        Invariant.That((uint)count <= (uint)(_array.Length - _length), "advanced past the buffer's end");
        _length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureFree(sizeHint);
        return _array.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureFree(sizeHint);
        return _array.AsSpan(_length);
    }

    /// <summary>Gives the array back to the pool; the buffer is empty and may be used again.</summary>
    public void Dispose()
    {
        var array = _array;
        _array = [];
        _length = 0;
        Return(array);
    }

    private void EnsureFree(int sizeHint)
    {
        if (_array.Length - _length < Math.Max(sizeHint, 1))
            Grow(Math.Max(sizeHint, 1));
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "arrays, not disposables")]
    private void Grow(int more)
    {
        var needed = (long)_length + more;
        Invariant.That(needed <= Array.MaxLength, $"a buffer was to hold {needed} bytes");
        var larger = Rent((int)Math.Min(Math.Max(needed, _array.Length * 2L), Array.MaxLength));
        _array.AsSpan(0, _length).CopyTo(larger);
        Return(_array);
        _array = larger;
    }

    private static byte[] Rent(int length) => length > LargeArrays.Threshold ? LargeArrays.Rent(length) : ArrayPool<byte>.Shared.Rent(length);

    private static void Return(byte[] array)
    {
        if (array.Length > LargeArrays.Threshold)
            LargeArrays.Return(array);
        else if (array.Length > 0)
            ArrayPool<byte>.Shared.Return(array);
    }
}
