using System.Buffers.Binary;
using FASTER.core;
using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>What a read of FASTER brings back. Owned by one reader, reused.</summary>
internal sealed class ReadResult
{
    /// <summary>Where the value goes; null when only the header is wanted.</summary>
    public PooledBuffer? Value { get; set; }

    /// <summary>Length of <see cref="Value"/> before the read: FASTER may call a reader again after a lost race.</summary>
    public int ValueStart { get; set; }

    /// <summary>Whether a live record was found.</summary>
    public bool Found { get; set; }

    /// <summary>The record's header.</summary>
    public RecordHeader Header { get; set; }
}

/// <summary>
/// FASTER's callbacks. A stored value is <c>revision (8) expireAt (8)</c> and the user's bytes.
/// A record in FASTER's mutable region is overwritten in place only by one of the same length, under the record's exclusive lock while readers hold it shared (RecordIsolation): no reader sees half of either.
/// Long values are never overwritten in place: readers would wait for the copy, and it saves nothing.
/// </summary>
internal sealed class StoreFunctions : FunctionsBase<SpanByte, SpanByte, Empty, ReadResult, Empty>
{
    /// <summary>Bytes before the user's value.</summary>
    public const int HeaderSize = 16;

    private const int MaxInPlace = 4096;

    /// <inheritdoc/>
    public override bool SingleReader(ref SpanByte key, ref Empty input, ref SpanByte value, ref ReadResult dst, ref ReadInfo readInfo)
    {
        Copy(value.AsReadOnlySpan(), dst);
        return true;
    }

    /// <inheritdoc/>
    public override bool ConcurrentReader(ref SpanByte key, ref Empty input, ref SpanByte value, ref ReadResult dst, ref ReadInfo readInfo)
    {
        Copy(value.AsReadOnlySpan(), dst);
        return true;
    }

    /// <inheritdoc/>
    public override bool SingleWriter(
        ref SpanByte key, ref Empty input, ref SpanByte src, ref SpanByte dst, ref ReadResult output, ref UpsertInfo upsertInfo, WriteReason reason)
    {
        src.CopyTo(ref dst);
        return true;
    }

    /// <inheritdoc/>
    public override bool ConcurrentWriter(ref SpanByte key, ref Empty input, ref SpanByte src, ref SpanByte dst, ref ReadResult output, ref UpsertInfo upsertInfo)
    {
        if (src.Length != dst.Length || src.Length > MaxInPlace)
            return false;
        src.AsReadOnlySpan().CopyTo(dst.AsSpan());
        return true;
    }

    /// <summary>A tombstone keeps its value's bytes, so that the record keeps its length for scans of the log.</summary>
    public override bool SingleDeleter(ref SpanByte key, ref SpanByte value, ref DeleteInfo deleteInfo) => true;

    /// <inheritdoc/>
    public override bool ConcurrentDeleter(ref SpanByte key, ref SpanByte value, ref DeleteInfo deleteInfo) => true;

    private static void Copy(ReadOnlySpan<byte> stored, ReadResult into)
    {
        into.Found = true;
        into.Header = new RecordHeader(BinaryPrimitives.ReadUInt64LittleEndian(stored), BinaryPrimitives.ReadInt64LittleEndian(stored[8..]));
        if (into.Value is null)
            return;
        into.Value.SetLength(into.ValueStart);
        into.Value.Write(stored[HeaderSize..]);
    }
}
