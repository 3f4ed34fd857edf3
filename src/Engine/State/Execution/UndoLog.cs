using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Execution;

/// <summary>
/// What user records were before an entry changed them, so that it can be taken back as a whole. Values that the store will not overwrite are not copied, so that what is held here
/// is bounded by the part of the store's memory that is written in place.
/// </summary>
internal sealed class UndoLog : IDisposable
{
    private const int LargeBytes = 64 << 10;

    private readonly record struct Saved(int Start, int KeyLength, int Length, RecordMark Mark, PooledBuffer? Large, Action? BringBack);

    private readonly List<Saved> _saved = [];
    private readonly PooledBuffer _bytes = new();

    /// <summary>Whether there is nothing to take back.</summary>
    public bool IsEmpty => _saved.Count == 0;

    public void Clear()
    {
        if (_saved.Count == 0)
            return;
        foreach (var saved in _saved)
            saved.Large?.Dispose();
        _saved.Clear();
        if (_bytes.Length > 16 * LargeBytes)
            _bytes.Dispose();
        _bytes.Clear();
    }

    /// <summary>To be called before a user key is written or removed by the entry at <paramref name="revision"/>.</summary>
    public void Remember(IGroupState state, ReadOnlySpan<byte> key, ulong revision)
    {
        var start = _bytes.Length;
        _bytes.Write(key);
        var mark = state.Mark(Keyspace.User, key, _bytes);
        var length = _bytes.Length - start - key.Length;
        if (mark is { Existed: true, Address: 0 } && mark.Header.Revision == revision)
        {
            // This entry wrote it, so what it was before is remembered already.
            _bytes.SetLength(start);
            return;
        }

        PooledBuffer? large = null;
        if (length > LargeBytes)
        {
            large = new PooledBuffer(length);
            large.Write(_bytes.Span[(start + key.Length)..]);
            _bytes.SetLength(start + key.Length);
        }

        _saved.Add(new Saved(start, key.Length, length, mark, large, null));
    }

    /// <summary>To be called after all user keys were removed at once.</summary>
    public void RememberClear(Action bringBack) => _saved.Add(new Saved(0, 0, 0, default, null, bringBack));

    /// <summary>Takes everything back, the last change first.</summary>
    public void Restore(IGroupState state)
    {
        for (var i = _saved.Count - 1; i >= 0; i--)
        {
            var saved = _saved[i];
            if (saved.BringBack is { } bringBack)
                bringBack();
            else
                state.Restore(Keyspace.User, _bytes.Span.Slice(saved.Start, saved.KeyLength), saved.Mark, saved.Large is { } large ? large.Span : _bytes.Span.Slice(saved.Start + saved.KeyLength, saved.Length));
        }

        Clear();
    }

    public void Dispose()
    {
        Clear();
        _bytes.Dispose();
    }
}
