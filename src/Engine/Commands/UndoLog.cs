using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.Commands;

/// <summary>
/// What all-or-nothing batches overwrote, so that it can be put back. Restored in reverse, so that the oldest value of a key wins; used again for every batch.
/// Invariant: after <see cref="Restore"/> every user key remembered has exactly the record, or absence, that it had when it was first remembered.
/// </summary>
internal sealed class UndoLog : IDisposable
{
    private readonly record struct Saved(int Start, int KeyLength, int ValueLength, bool Existed, RecordHeader Header);

    private readonly List<Saved> _saved = [];
    private readonly PooledBuffer _bytes = new();

    public void Clear()
    {
        _saved.Clear();
        _bytes.Clear();
    }

    /// <summary>To be called before a user key is written or removed.</summary>
    public void Remember(IGroupState state, ReadOnlySpan<byte> key)
    {
        var start = _bytes.Length;
        _bytes.Write(key);
        var existed = state.Read(Keyspace.User, key, _bytes, out var header);
        _saved.Add(new Saved(start, key.Length, _bytes.Length - start - key.Length, existed, header));
    }

    public void Restore(IGroupState state)
    {
        for (var i = _saved.Count - 1; i >= 0; i--)
        {
            var saved = _saved[i];
            var key = _bytes.Span.Slice(saved.Start, saved.KeyLength);
            if (saved.Existed)
                state.Write(Keyspace.User, key, saved.Header, _bytes.Span.Slice(saved.Start + saved.KeyLength, saved.ValueLength));
            else
                state.Remove(Keyspace.User, key);
        }
        Clear();
    }

    public void Dispose() => _bytes.Dispose();
}
