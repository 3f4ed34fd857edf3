using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Store;

/// <summary>One group's keys. Except for <see cref="Read"/> and <see cref="Applied"/>, to be used by the shard's thread only.</summary>
public interface IGroupState
{
    /// <summary>The group.</summary>
    uint Group { get; }

    /// <summary>Position after the last completed entry. Reads from other threads see a position at most as new as the data.</summary>
    AppliedPosition Applied { get; }

    /// <summary>
    /// Reads one record; appends its value to <paramref name="value"/> and returns true if there is one. Does not look at expiry.
    /// Thread-safe beside the applying thread: it returns some whole record that was current during the call, never a torn one.
    /// </summary>
    bool Read(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer value, out RecordHeader header);

    /// <summary>
    /// Whether <see cref="Read"/> of this key would need no disk. Thread-safe; may be outdated when it returns, so that it is for choosing who reads, and nothing else follows from it.
    /// </summary>
    bool IsInMemory(Keyspace space, ReadOnlySpan<byte> key) => true;

    /// <summary>As <see cref="Read"/>, without the value.</summary>
    bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header);

    /// <summary>Writes a record, replacing what was there. <paramref name="value"/> may be empty.</summary>
    void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value);

    /// <summary>Removes a record; false if there was none.</summary>
    bool Remove(Keyspace space, ReadOnlySpan<byte> key);

    /// <summary>Removes every record of a keyspace.</summary>
    /// <returns>Brings them back as they were; to be called before the entry is completed, when what was written after the clear has been taken back.</returns>
    Action Clear(Keyspace space);

    /// <summary>
    /// Notes what a record is, for <see cref="Restore"/> until the entry is completed. A value that could be overwritten where it lies is appended to <paramref name="copy"/>; no disk is read.
    /// </summary>
    RecordMark Mark(Keyspace space, ReadOnlySpan<byte> key, PooledBuffer copy) =>
        new(Read(space, key, copy, out var header), header, 0);

    /// <summary>Makes a record what it was when it was marked. <paramref name="copied"/> is what <see cref="Mark"/> appended.</summary>
    void Restore(Keyspace space, ReadOnlySpan<byte> key, in RecordMark mark, ReadOnlySpan<byte> copied)
    {
        if (mark.Existed)
            Write(space, key, mark.Header, copied);
        else
            Remove(space, key);
    }

    /// <summary>Marks an entry as completely applied. Checkpoints and snapshots contain whole entries only.</summary>
    void CompleteEntry(AppliedPosition position);

    /// <summary>Number of records, expired ones not yet removed included.</summary>
    long Count(Keyspace space);

    /// <summary>
    /// The first key at or after <paramref name="from"/> (strictly after if <paramref name="exclusive"/>), in ordinal byte order, copied to <paramref name="key"/> (cleared first).
    /// </summary>
    bool TryGetNextKey(Keyspace space, ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key);

    /// <summary>The key at a position of the order, 0 to Count - 1; used to draw a random key.</summary>
    bool TryGetKeyAt(Keyspace space, long position, PooledBuffer key);

    /// <summary>The earliest expiry time of any record, or <see cref="long.MaxValue"/>. May be early (an already overwritten expiry), never late.</summary>
    long EarliestExpiry { get; }

    /// <summary>Copies one key whose record's expiry is at or before <paramref name="time"/> to <paramref name="key"/> (cleared first), earliest first, ties by keyspace then key; false if there is none.</summary>
    bool TryGetExpired(long time, PooledBuffer key, out Keyspace space);

    /// <summary>Order-independent hash of all records with headers, and of <see cref="Applied"/>. Equal on replicas at the same index. Slow: reads everything.</summary>
    ulong ComputeHash();

    /// <summary>A consistent image of the group as of now, to be read while applying goes on.</summary>
    ISnapshotReader OpenSnapshot();

    /// <summary>Begins to receive an image that will replace this group's state; nothing is visible before <see cref="ISnapshotWriter.Complete"/>.</summary>
    ISnapshotWriter BeginInstall();
}
