namespace RaftKv.Engine.Wal.Index;

/// <summary>What the log holds of one group, as of the last durable frame; and, while a frame is being checked, what it will hold after it.</summary>
internal sealed class GroupLog(uint group)
{
    public uint Group { get; } = group;

    public ulong Term { get; set; }

    public ulong Vote { get; set; }

    /// <summary>Segment of the latest hard state record, 0 for none.</summary>
    public ulong HardStateSegment { get; set; }

    public ulong Start { get; set; }

    public ulong StartTerm { get; set; }

    /// <summary>Segment of the latest start record, 0 for none.</summary>
    public ulong StartSegment { get; set; }

    public EntryTable Entries { get; } = new();

    public ulong Last => Entries.Count == 0 ? Start : Entries.Last;

    /// <summary>No live record of the group is in a segment before this one. Never too high; raised when compaction has looked.</summary>
    public ulong OldestSegment { get; set; }

    /// <summary>The frame that the staged values are for.</summary>
    public ulong StagedFor { get; set; }

    public ulong StagedStart { get; set; }

    public ulong StagedLast { get; set; }
}
