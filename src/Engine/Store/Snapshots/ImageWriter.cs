using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Io;

namespace RaftKv.Engine.Store.Snapshots;

/// <summary>
/// Checks the frames of an image and hands its records to the subclass. Nothing of a frame is handed on before its checksum is right; nothing becomes visible before the trailer agreed.
/// </summary>
internal abstract class ImageWriter : ISnapshotWriter
{
    private readonly PooledBuffer _lastKey = new();
    private Keyspace _lastSpace;
    private AppliedPosition _position;
    private uint _ordinal;
    private long _records;
    private bool _ended;
    private bool _completed;

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> chunk)
    {
        while (!chunk.IsEmpty)
        {
            Check(!_ended, "bytes follow the last frame");
            Check(chunk.Length >= ImageFormat.FrameHeader + ImageFormat.BodyHeader, "a frame's header is cut");
            var length = BinaryPrimitives.ReadInt32LittleEndian(chunk);
            Check(length >= ImageFormat.BodyHeader && length <= chunk.Length - ImageFormat.FrameHeader, "a frame is cut");
            var body = chunk.Slice(ImageFormat.FrameHeader, length);
            Check(BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]) == Crc32C.Compute(body), "a frame's checksum does not match");
            WriteFrame(body);
            chunk = chunk[(ImageFormat.FrameHeader + length)..];
        }
    }

    /// <inheritdoc/>
    public void Complete(AppliedPosition position)
    {
        Check(_ended, "the last frame is missing");
        Check(position == _position, "the position is not the image's");
        Invariant.That(!_completed, "an image was completed twice");
        _completed = true;
        Install(position);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_completed)
            Abandon();
        _completed = true;
        _lastKey.Dispose();
    }

    /// <summary>Takes one record, invisible until <see cref="Install"/>.</summary>
    protected abstract void Add(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value);

    /// <summary>Makes the records added the group's state.</summary>
    protected abstract void Install(AppliedPosition position);

    /// <summary>Drops the records added.</summary>
    protected abstract void Abandon();

    private void WriteFrame(ReadOnlySpan<byte> body)
    {
        Check(BinaryPrimitives.ReadUInt32LittleEndian(body) == _ordinal++, "a frame is missing or repeated");
        Check(body[4] is 0 or ImageFormat.LastFlag, "a frame has unknown flags");
        var last = body[4] == ImageFormat.LastFlag;
        var records = body[ImageFormat.BodyHeader..];
        Check(!last || records.Length >= ImageFormat.TrailerSize, "the trailer is cut");
        var trailer = last ? records[^ImageFormat.TrailerSize..] : default;
        records = records[..^trailer.Length];
        while (!records.IsEmpty)
            records = records[WriteRecord(records)..];
        if (!last)
            return;
        Check(BinaryPrimitives.ReadInt64LittleEndian(trailer) == _records, "records are missing");
        _position = new AppliedPosition(
            BinaryPrimitives.ReadUInt64LittleEndian(trailer[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(trailer[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(trailer[24..]));
        _ended = true;
    }

    private int WriteRecord(ReadOnlySpan<byte> bytes)
    {
        Check(bytes.Length >= ImageFormat.RecordHeaderSize, "a record is cut");
        var space = (Keyspace)bytes[0];
        Check(space is Keyspace.System or Keyspace.User, "a record has an unknown keyspace");
        var keyLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[1..]);
        var valueLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[5..]);
        Check((uint)keyLength <= ImageFormat.MaxPartLength && (uint)valueLength <= ImageFormat.MaxPartLength
            && keyLength + valueLength <= bytes.Length - ImageFormat.RecordHeaderSize, "a record is longer than its frame");
        var key = bytes.Slice(ImageFormat.RecordHeaderSize, keyLength);
        Check(_records == 0 || space > _lastSpace || (space == _lastSpace && key.SequenceCompareTo(_lastKey.Span) > 0), "records are out of order");
        _records++;
        _lastSpace = space;
        _lastKey.Clear();
        _lastKey.Write(key);
        var header = new RecordHeader(BinaryPrimitives.ReadUInt64LittleEndian(bytes[9..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[17..]));
        Add(space, key, header, bytes.Slice(ImageFormat.RecordHeaderSize + keyLength, valueLength));
        return ImageFormat.RecordHeaderSize + keyLength + valueLength;
    }

    private static void Check(bool condition, string what)
    {
        if (!condition)
            throw new InvalidDataException($"not a snapshot image: {what}");
    }
}
