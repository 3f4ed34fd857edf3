namespace RaftKv.Server.Resp.Execution;

/// <summary>
/// Where SCANs stand. Redis' cursors are 64-bit numbers, ours are keys: a table gives a number to each key at which a page ended, and forgets the oldest when it is full.
/// A number that is not known (forgotten, or another node's) is refused, so that a scan never skips keys silently. Thread-safe.
/// Invariant: a cursor stands for the same key as long as it is known; it may be used again and again.
/// </summary>
internal sealed class ScanCursors(ulong seed, int maxCursors = 4096, long maxBytes = 4 << 20)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, byte[]> _keys = [];
    private readonly Queue<ulong> _order = new();
    private long _bytes;
    // Numbers of different nodes and runs start far apart, so that a foreign cursor is not taken for one's own.
    private ulong _next = (seed << 32) | 1;

    /// <summary>Gives a number, never 0, to the key after which a scan is to go on.</summary>
    public ulong Add(ReadOnlySpan<byte> key)
    {
        lock (_lock)
        {
            var cursor = _next++;
            _keys.Add(cursor, key.ToArray());
            _order.Enqueue(cursor);
            _bytes += key.Length;
            while (_order.Count > maxCursors || _bytes > maxBytes && _order.Count > 1)
            {
                _keys.Remove(_order.Dequeue(), out var oldest);
                _bytes -= oldest!.Length;
            }
            return cursor;
        }
    }

    /// <summary>The key of a cursor; null if it is not known.</summary>
    public byte[]? Find(ulong cursor)
    {
        lock (_lock)
            return _keys.GetValueOrDefault(cursor);
    }
}
