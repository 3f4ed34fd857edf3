using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store.Keys;
using RaftKv.Engine.Store.Snapshots;

namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// Streams a group's records as they were when it was opened. It holds frozen images of the two indexes, whose entries name the records' addresses; the records themselves stay where they are:
/// everything below the log's tail was made read-only when the image was taken, so nothing is overwritten in place, and compaction does not cut the log while a snapshot that is older than it is open.
/// Not one value is kept in memory.
/// </summary>
internal sealed class FasterSnapshotReader(AppliedPosition position, FasterStateStore store, long ticket, IReadOnlyList<(Keyspace Space, KeyIndex.Cursor Keys)> images)
    : ImageReader(position)
{
    private int _image;
    private bool _disposed;

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        store.CloseSnapshot(ticket);
    }

    /// <inheritdoc/>
    protected override bool AppendNext(PooledBuffer into)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (_image < images.Count && !images[_image].Keys.Valid)
            _image++;
        if (_image == images.Count)
            return false;
        var (space, keys) = images[_image];
        var start = BeginRecord(into, space, keys.Key);
        var header = store.ReadAt(keys.Entry.Address, into);
        CompleteRecord(into, start, keys.Key.Length, header);
        keys.Next();
        return true;
    }
}
