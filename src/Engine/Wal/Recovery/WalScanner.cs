using RaftKv.Engine.Io;
using RaftKv.Engine.Wal.Format;
using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Recovery;

/// <summary>Reads the frames of one segment, in memory. What it hands out was checked whole: head, body and place.</summary>
internal sealed class WalScanner(Segment segment, byte[] content)
{
    public Segment Segment { get; } = segment;

    /// <summary>The segment's bytes, as they were read.</summary>
    public ReadOnlySpan<byte> Content => content;

    /// <summary>Where the next frame should begin.</summary>
    public long Position { get; private set; } = SegmentHeader.Size;

    /// <summary>The records of the frame that <see cref="TryNext"/> found.</summary>
    public ReadOnlySpan<byte> Body => content.AsSpan((int)_bodyOffset, _bodyLength);

    /// <summary>Where they are in the file.</summary>
    public long BodyOffset => _bodyOffset;

    private long _bodyOffset;
    private int _bodyLength;

    /// <summary>The frame at <see cref="Position"/>, which then moves behind it; false, and it stays, when there is no intact one.</summary>
    public bool TryNext(out FrameHeader header)
    {
        if (!TryHeader(Position, out header) || header.FrameSize > Segment.Size - Position)
            return false;
        var body = content.AsSpan((int)Position + FrameHeader.Size, header.BodyLength);
        if (Crc32C.Compute(body) != header.BodyChecksum)
            return false;
        (_bodyOffset, _bodyLength) = (Position + FrameHeader.Size, header.BodyLength);
        Position += header.FrameSize;
        return true;
    }

    /// <summary>Moves to the next intact frame behind <see cref="Position"/>; false if there is none.</summary>
    public bool SkipToNext()
    {
        var from = Position;
        for (Position += FrameHeader.Sector; Position < Segment.Size; Position += FrameHeader.Sector)
        {
            var at = Position;
            if (!TryNext(out _))
                continue;
            Position = at;
            return true;
        }

        Position = from;
        return false;
    }

    /// <summary>
    /// Whether what stands at <see cref="Position"/>, where no intact frame is, must have been written whole and changed since. Unwritten sectors are zero, and a sector is written
    /// at once or not at all. So a head that is neither intact nor zero is no torn write; nor is a body that does not match its checksum
    /// although it has no more zero sectors than its head says were written as zeros.
    /// </summary>
    public bool IsCertainlyDamaged()
    {
        if (Position >= Segment.Size || IsZero(Position, FrameHeader.Sector))
            return false;
        if (!TryHeader(Position, out var header) || header.FrameSize > Segment.Size - Position)
            return true;
        return FrameHeader.CountZeroSectors(content.AsSpan((int)Position, (int)header.FrameSize)) <= header.ZeroSectors;
    }

    /// <summary>The end of the last sector at or behind <see cref="Position"/> that is not zero; <see cref="Position"/> if all are.</summary>
    public long EndOfRemains()
    {
        var end = Position;
        for (var sector = Position; sector < Segment.Size; sector += FrameHeader.Sector)
        {
            if (!IsZero(sector, FrameHeader.Sector))
                end = Math.Min(sector + FrameHeader.Sector, Segment.Size);
        }

        return end;
    }

    /// <summary>Writes zeros from <see cref="Position"/> on, to the file.</summary>
    public void WriteZeros(long end)
    {
        var zeros = new byte[Math.Min(end - Position, 1 << 20)];
        for (var offset = Position; offset < end; offset += zeros.Length)
            Segment.File.Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - offset)));
    }

    private bool TryHeader(long position, out FrameHeader header)
    {
        header = default;
        return position + FrameHeader.Size <= Segment.Size
            && FrameHeader.TryDecode(content.AsSpan((int)position, FrameHeader.Size), Segment.Seed, Segment.Number, out header);
    }

    private bool IsZero(long offset, int count) =>
        content.AsSpan((int)offset, (int)Math.Min(count, Segment.Size - offset)).IndexOfAnyExcept((byte)0) < 0;
}
