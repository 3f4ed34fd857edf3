using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups;

/// <summary>The way into a node for those who speak commands: the embedding API and the RESP host. Thread-safe.</summary>
public interface IOperationExecutor
{
    /// <summary>Takes an operation; it will be completed, once.</summary>
    void Submit(Operation operation);

    /// <summary>
    /// Reads one user key on the calling thread, linearizably, if this node leads the group, holds its lease, and has the record in memory; false if not (submit a read instead): it never waits for a disk.
    /// <paramref name="found"/> is false for an absent or expired key. The value is appended to <paramref name="value"/>.
    /// </summary>
    bool TryReadLocal(uint group, ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header);

    /// <summary>What time it is in a group, as this node knows it: what times to live are counted by.</summary>
    GroupTime TimeOf(uint group);

    /// <summary>Monotonic nanoseconds, the clock of deadlines.</summary>
    long Now { get; }
}
