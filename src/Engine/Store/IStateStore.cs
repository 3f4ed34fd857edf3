using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Store;

/// <summary>
/// The replicated state of a shard's groups. One thread, the shard's, applies; <see cref="IGroupState.Read"/> alone may be called from any thread.
/// Invariant: what recovery brings back is, for each group, exactly the state after some entry it reports as <see cref="IGroupState.Applied"/>; never in between, never mixed.
/// Invariant: a checkpoint is trusted only through its own synced and checksummed manifest; damaged or missing parts are refused, never served.
/// </summary>
public interface IStateStore : IDisposable
{
    /// <summary>The groups that exist, recovered or opened since.</summary>
    IReadOnlyCollection<uint> Groups { get; }

    /// <summary>The state of a group; created empty (applied position 0) when there is none.</summary>
    IGroupState Open(uint group);

    /// <summary>Forgets a group and all its keys.</summary>
    void Drop(uint group);

    /// <summary>
    /// Starts a checkpoint of all groups as of now, between two entries. The store goes on applying and serving while it is written.
    /// False, and nothing happens, while another one is under way.
    /// </summary>
    bool TryBeginCheckpoint();

    /// <summary>Called by the shard every turn while a checkpoint is under way: drives it on; returns it once it is durable and verified, else null.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    CompletedCheckpoint? PollCheckpoint();

    /// <summary>Bytes written to the store's log since the last checkpoint: the shard's measure of when to take the next one.</summary>
    long BytesSinceCheckpoint { get; }
}

/// <summary>A durable checkpoint: every group's position in it. Groups absent from it have no durable state.</summary>
public sealed record CompletedCheckpoint(IReadOnlyDictionary<uint, AppliedPosition> Groups);

/// <summary>How far a group's state has come: the last entry applied, its term, and state-machine time (milliseconds since the Unix epoch, a running maximum of entry timestamps).</summary>
public readonly record struct AppliedPosition(ulong Index, ulong Term, long Time);

/// <summary>Separates what users see from what the engine keeps beside it.</summary>
public enum Keyspace : byte
{
    /// <summary>The engine's own records: client sessions, configuration.</summary>
    System = 0,

    /// <summary>Users' keys.</summary>
    User = 1,
}

/// <summary>What is kept beside a value.</summary>
/// <param name="Revision">Log index of the entry that wrote the record.</param>
/// <param name="ExpireAt">State-machine time, milliseconds since the Unix epoch, at and after which the record counts as absent; 0 for never.</param>
public readonly record struct RecordHeader(ulong Revision, long ExpireAt);

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

    /// <summary>As <see cref="Read"/>, without the value.</summary>
    bool TryGetHeader(Keyspace space, ReadOnlySpan<byte> key, out RecordHeader header);

    /// <summary>Writes a record, replacing what was there. <paramref name="value"/> may be empty.</summary>
    void Write(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value);

    /// <summary>Removes a record; false if there was none.</summary>
    bool Remove(Keyspace space, ReadOnlySpan<byte> key);

    /// <summary>Removes every record of a keyspace.</summary>
    void Clear(Keyspace space);

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

/// <summary>Reads an image front to back. One reader's calls come one at a time, from any thread. Equal states give equal bytes, whichever implementation wrote them.</summary>
public interface ISnapshotReader : IDisposable
{
    /// <summary>What the image contains.</summary>
    AppliedPosition Position { get; }

    /// <summary>Appends up to about <paramref name="maxBytes"/> (a single record may exceed it) of the image; false when there was nothing left.</summary>
    bool ReadChunk(PooledBuffer into, int maxBytes);
}

/// <summary>Receives an image. Disposed without <see cref="Complete"/>, it leaves the group as it was. Used by the shard's thread.</summary>
public interface ISnapshotWriter : IDisposable
{
    /// <summary>Adds the next chunk, exactly as a reader produced it.</summary>
    /// <exception cref="InvalidDataException">The bytes are not an image.</exception>
    void Write(ReadOnlySpan<byte> chunk);

    /// <summary>Replaces the group's state, atomically for readers; durable after the next completed checkpoint.</summary>
    void Complete(AppliedPosition position);
}
