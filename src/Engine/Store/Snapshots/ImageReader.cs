using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.Snapshots;

/// <summary>Cuts a group's records into the frames of <see cref="ImageFormat"/>; where the records come from is the subclass's business.</summary>
internal abstract class ImageReader(AppliedPosition position) : ISnapshotReader
{
    private uint _ordinal;
    private long _records;
    private bool _ended;

    /// <inheritdoc/>
    public AppliedPosition Position => position;

    /// <inheritdoc/>
    public bool ReadChunk(PooledBuffer into, int maxBytes)
    {
        if (_ended)
            return false;
        var start = into.Length;
        into.SetLength(start + ImageFormat.FrameHeader + ImageFormat.BodyHeader);
        var more = true;
        while (into.Length - start < maxBytes && (more = AppendNext(into)))
            _records++;
        if (!more)
            AppendTrailer(into);
        _ended = !more;
        Seal(into.WritableSpan[start..], last: !more);
        return true;
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Appends the next record in order; false at the end.</summary>
    protected abstract bool AppendNext(PooledBuffer into);

    /// <summary>Appends a record's head and key; the value follows and <see cref="CompleteRecord"/> fills in what is known only then.</summary>
    /// <returns>Where the record starts.</returns>
    protected static int BeginRecord(PooledBuffer into, Keyspace space, ReadOnlySpan<byte> key)
    {
        var start = into.Length;
        into.SetLength(start + ImageFormat.RecordHeaderSize);
        var head = into.WritableSpan[start..];
        head[0] = (byte)space;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], key.Length);
        into.Write(key);
        return start;
    }

    /// <summary>Fills in the value's length and header once the value is appended.</summary>
    protected static void CompleteRecord(PooledBuffer into, int start, int keyLength, RecordHeader header)
    {
        var head = into.WritableSpan[start..];
        BinaryPrimitives.WriteInt32LittleEndian(head[5..], head.Length - ImageFormat.RecordHeaderSize - keyLength);
        BinaryPrimitives.WriteUInt64LittleEndian(head[9..], header.Revision);
        BinaryPrimitives.WriteInt64LittleEndian(head[17..], header.ExpireAt);
    }

    private void AppendTrailer(PooledBuffer into)
    {
        var start = into.Length;
        into.SetLength(start + ImageFormat.TrailerSize);
        var trailer = into.WritableSpan[start..];
        BinaryPrimitives.WriteInt64LittleEndian(trailer, _records);
        BinaryPrimitives.WriteUInt64LittleEndian(trailer[8..], position.Index);
        BinaryPrimitives.WriteUInt64LittleEndian(trailer[16..], position.Term);
        BinaryPrimitives.WriteInt64LittleEndian(trailer[24..], position.Time);
    }

    private void Seal(Span<byte> frame, bool last)
    {
        var body = frame[ImageFormat.FrameHeader..];
        BinaryPrimitives.WriteUInt32LittleEndian(body, _ordinal++);
        body[4] = last ? ImageFormat.LastFlag : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(frame, body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Crc32C.Compute(body));
    }
}
