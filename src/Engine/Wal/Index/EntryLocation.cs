using RaftKv.Engine.Wal.Format;

namespace RaftKv.Engine.Wal.Index;

/// <summary>Where an entry's record is. Segment 0 marks a hole, which exists only while recovery replays.</summary>
internal readonly record struct EntryLocation(ulong Term, uint Segment, uint Offset, int Length, byte Kind)
{
    public bool IsHole => Segment == 0;

    /// <summary>Bytes of the record in the file.</summary>
    public long Size => WalRecord.SizeOf(Length);
}
