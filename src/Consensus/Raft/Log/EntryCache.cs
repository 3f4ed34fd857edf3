using System.Buffers;
using System.Numerics;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// The log's newest entries in memory: a ring of entries whose payloads lie in pooled chunks, filled and given back first in, first out.
/// No object per entry, no allocation in steady state.
/// Invariant: holds exactly the entries [First, Next); a chunk goes back to the pool only when no held entry has its payload in it.
/// </summary>
internal sealed class EntryCache
{
    /// <summary>What an entry costs beside its payload, counted in <see cref="Bytes"/> so that many empty entries are bounded too.</summary>
    public const int EntryOverhead = 48;

    private const int SmallestChunk = 4 << 10;
    private const int LargestChunk = 1 << 20;

    private readonly List<Chunk> _chunks = [];
    private LogEntry[] _ring = new LogEntry[16];

    public EntryCache(ulong next) => First = Next = next;

    /// <summary>First index held.</summary>
    public ulong First { get; private set; }

    /// <summary>Index that the next entry gets.</summary>
    public ulong Next { get; private set; }

    /// <summary>Payload bytes held, plus the overhead of the entries.</summary>
    public long Bytes { get; private set; }

    /// <summary>The entry at an index that is held. Its payload is valid until the entry is removed.</summary>
    public ref readonly LogEntry this[ulong index] => ref _ring[index & (ulong)(_ring.Length - 1)];

    /// <summary>Appends an entry, copying its payload.</summary>
    public void Add(ulong term, EntryKind kind, long timestamp, ReadOnlySpan<byte> payload)
    {
        if (Next - First == (ulong)_ring.Length)
            GrowRing();
        _ring[Next & (ulong)(_ring.Length - 1)] = new LogEntry(Next, term, kind, timestamp, Copy(payload));
        Bytes += payload.Length + EntryOverhead;
        Next++;
    }

    /// <summary>Removes entries from <paramref name="index"/> on. Their bytes stay unused in their chunk.</summary>
    public void RemoveFrom(ulong index)
    {
        while (Next > index && Next > First)
            Release(--Next);
        if (index < First)
            First = Next = index;
        foreach (ref var chunk in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_chunks))
            chunk.LastIndex = Math.Min(chunk.LastIndex, index - 1);
    }

    /// <summary>Removes entries up to and including <paramref name="index"/>.</summary>
    public void RemoveUpTo(ulong index)
    {
        while (First <= index && First < Next)
            Release(First++);
        var free = 0;
        while (free < _chunks.Count && _chunks[free].LastIndex < First)
            ArrayPool<byte>.Shared.Return(_chunks[free++].Array);
        _chunks.RemoveRange(0, free);
    }

    /// <summary>Forgets everything; the next entry gets <paramref name="next"/>.</summary>
    public void Reset(ulong next)
    {
        RemoveUpTo(Next);
        foreach (var chunk in _chunks)
            ArrayPool<byte>.Shared.Return(chunk.Array);
        _chunks.Clear();
        First = Next = next;
    }

    private void Release(ulong index)
    {
        ref var slot = ref _ring[index & (ulong)(_ring.Length - 1)];
        Bytes -= slot.Payload.Length + EntryOverhead;
        slot = default;
    }

    private ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
            return default;
        if (_chunks.Count == 0 || _chunks[^1].Array.Length - _chunks[^1].Used < payload.Length)
            AddChunk(payload.Length);
        ref var chunk = ref System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_chunks)[^1];
        var copy = chunk.Array.AsMemory(chunk.Used, payload.Length);
        payload.CopyTo(copy.Span);
        chunk.Used += payload.Length;
        chunk.LastIndex = Next;
        return copy;
    }

    // Chunks double from small to large while the cache is busy, so that thousands of idle groups hold little and a busy one touches the pool rarely.
    private void AddChunk(int needed)
    {
        var size = _chunks.Count == 0 ? SmallestChunk : Math.Min(_chunks[^1].Array.Length * 2, LargestChunk);
        _chunks.Add(new Chunk { Array = ArrayPool<byte>.Shared.Rent(Math.Max(size, needed)), LastIndex = Next });
    }

    private void GrowRing()
    {
        var larger = new LogEntry[BitOperations.RoundUpToPowerOf2((uint)_ring.Length + 1)];
        for (var index = First; index < Next; index++)
            larger[index & (ulong)(larger.Length - 1)] = this[index];
        _ring = larger;
        Invariant.That(Next - First <= (ulong)_ring.Length, "entry ring too small after growth");
    }

    private struct Chunk
    {
        public byte[] Array;
        public int Used;
        public ulong LastIndex;
    }
}
