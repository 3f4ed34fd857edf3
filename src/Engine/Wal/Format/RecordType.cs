namespace RaftKv.Engine.Wal.Format;

/// <summary>What a record of the log says. Persisted: numbers are never changed.</summary>
internal enum RecordType : byte
{
    /// <summary>An entry; replaces every entry of its group at or after its index.</summary>
    Entry = 1,

    /// <summary>The group's term and vote; replaces the one before.</summary>
    HardState = 2,

    /// <summary>The log begins after this index; entries up to it are gone, later ones stay.</summary>
    Start = 3,

    /// <summary>The log begins after this index and is empty, whatever was there.</summary>
    Reset = 4,

    /// <summary>The group is gone.</summary>
    Remove = 5,

    /// <summary>A copy of an entry that is live at this point of the log; replaces only that entry's place.</summary>
    Copy = 6,
}
