using System.Buffers.Binary;

namespace RaftKv.Engine.Store.Keys;

/// <summary>
/// A leaf of a <see cref="KeyIndex"/>: one array, with slots of 16 bytes growing from its front, in key order, and the keys' bytes growing from its back.
/// A slot is two words: <c>address (46 bits) expires (1) key length (17)</c> and <c>value length (32) key offset from the array's end (32)</c>.
/// </summary>
/// <remarks>Invariant: slots [0, Count) and bytes [_slab.Length - _heap, _slab.Length) do not overlap; _live of the latter belong to keys.</remarks>
internal sealed class IndexLeaf(int generation) : IndexNode(generation)
{
    /// <summary>Bytes at which a leaf with more than one key is split.</summary>
    private const int MaxSlab = 4096;
    private const int FirstSlab = 128;
    private const int Slot = 16;

    private byte[] _slab = [];
    private int _heap;
    private int _live;

    /// <summary>Keys in the leaf.</summary>
    public int Count { get; private set; }

    /// <inheritdoc/>
    public override long Keys
    {
        get => Count;
        set => throw new InvariantViolationException("a leaf counts its keys itself");
    }

    /// <inheritdoc/>
    public override bool IsSparse => Count * Slot + _live < MaxSlab / 4;

    /// <summary>The key in a slot.</summary>
    public ReadOnlySpan<byte> KeyAt(int position)
    {
        var slot = _slab.AsSpan(position * Slot, Slot);
        var length = (int)(BinaryPrimitives.ReadUInt64LittleEndian(slot) >> 47);
        var offset = (int)(BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]) >> 32);
        return _slab.AsSpan(_slab.Length - offset, length);
    }

    /// <summary>The entry in a slot.</summary>
    public IndexEntry EntryAt(int position)
    {
        var slot = _slab.AsSpan(position * Slot, Slot);
        var first = BinaryPrimitives.ReadUInt64LittleEndian(slot);
        return new IndexEntry((long)(first & ((1UL << 46) - 1)), BinaryPrimitives.ReadInt32LittleEndian(slot[8..]), (first >> 46 & 1) != 0);
    }

    /// <summary>Replaces the entry in a slot.</summary>
    public void SetEntry(int position, IndexEntry entry)
    {
        var slot = _slab.AsSpan(position * Slot, Slot);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(slot) >> 47;
        WriteSlot(slot, entry, (int)length, (int)(BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]) >> 32));
    }

    /// <summary>The first slot whose key is not below <paramref name="key"/>.</summary>
    public int Find(ReadOnlySpan<byte> key, out bool found)
    {
        var (low, high) = (0, Count);
        found = false;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var order = KeyAt(middle).SequenceCompareTo(key);
            found |= order == 0;
            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>Inserts a key at its position; false if the leaf must be split first.</summary>
    public bool TryInsert(int position, ReadOnlySpan<byte> key, IndexEntry entry)
    {
        var need = (Count + 1) * Slot + _live + key.Length;
        if (need > MaxSlab && Count > 1)
            return false;
        if ((Count + 1) * Slot + _heap + key.Length > _slab.Length)
            Rebuild(need);
        _slab.AsSpan(position * Slot, (Count - position) * Slot).CopyTo(_slab.AsSpan((position + 1) * Slot));
        Append(key);
        WriteSlot(_slab.AsSpan(position * Slot, Slot), entry, key.Length, _heap);
        Count++;
        return true;
    }

    /// <summary>Removes the key in a slot; its bytes are reclaimed when room is needed.</summary>
    public void RemoveAt(int position)
    {
        _live -= KeyAt(position).Length;
        _slab.AsSpan((position + 1) * Slot, (Count - position - 1) * Slot).CopyTo(_slab.AsSpan(position * Slot));
        Count--;
    }

    /// <summary>
    /// Moves the upper half, by bytes, to a new leaf; when keys arrive in order (<paramref name="atEnd"/>), only the last key, so that leaves stay full.
    /// The separator is as short as tells the two apart.
    /// </summary>
    public IndexLeaf Split(int generation, bool atEnd, out byte[] separator)
    {
        var keep = Count - 1;
        if (!atEnd)
        {
            var half = (Count * Slot + _live) / 2;
            var bytes = 0;
            for (keep = 0; keep < Count - 1 && (keep == 0 || bytes < half); keep++)
                bytes += Slot + KeyAt(keep).Length;
        }
        var right = new IndexLeaf(generation);
        right.Rebuild(Math.Min(MaxSlab, (Count - keep) * Slot * 4));
        right.AppendAll(this, keep, Count);
        var above = KeyAt(keep);
        separator = above[..(KeyAt(keep - 1).CommonPrefixLength(above) + 1)].ToArray();
        for (var i = keep; i < Count; i++)
            _live -= KeyAt(i).Length;
        Count = keep;
        return right;
    }

    /// <inheritdoc/>
    public override IndexNode Clone(int generation)
    {
        var clone = new IndexLeaf(generation);
        clone.Rebuild(Count * Slot + _live);
        clone.AppendAll(this, 0, Count);
        return clone;
    }

    /// <inheritdoc/>
    public override bool CanTake(IndexNode right) => (Count + ((IndexLeaf)right).Count) * Slot + _live + ((IndexLeaf)right)._live <= MaxSlab * 3 / 4;

    /// <inheritdoc/>
    public override void Take(byte[] separator, IndexNode right)
    {
        var other = (IndexLeaf)right;
        AppendAll(other, 0, other.Count);
    }

    private static void WriteSlot(Span<byte> slot, IndexEntry entry, int keyLength, int offset)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(slot, (ulong)entry.Address | (entry.Expires ? 1UL << 46 : 0) | ((ulong)keyLength << 47));
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], (uint)entry.ValueLength | ((ulong)offset << 32));
    }

    private void AppendAll(IndexLeaf other, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            var inserted = TryInsert(Count, other.KeyAt(i), other.EntryAt(i));
            Invariant.That(inserted, "a leaf took more keys than fit");
        }
    }

    private void Append(ReadOnlySpan<byte> key)
    {
        _heap += key.Length;
        _live += key.Length;
        key.CopyTo(_slab.AsSpan(_slab.Length - _heap));
    }

    /// <summary>Moves to an array with room for <paramref name="need"/> bytes and some more, leaving out the bytes of removed keys.</summary>
    private void Rebuild(int need)
    {
        var old = (Slab: _slab, Count);
        var size = Math.Max(FirstSlab, _slab.Length);
        while (size < need)
            size += size < 1024 ? size : size / 2;
        _slab = new byte[need <= MaxSlab ? Math.Min(size, MaxSlab) : need];
        (_heap, _live) = (0, 0);
        for (var i = 0; i < old.Count; i++)
        {
            var slot = old.Slab.AsSpan(i * Slot, Slot);
            var length = (int)(BinaryPrimitives.ReadUInt64LittleEndian(slot) >> 47);
            var offset = (int)(BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]) >> 32);
            Append(old.Slab.AsSpan(old.Slab.Length - offset, length));
            slot.CopyTo(_slab.AsSpan(i * Slot));
            BinaryPrimitives.WriteUInt64LittleEndian(_slab.AsSpan(i * Slot + 8), BinaryPrimitives.ReadUInt32LittleEndian(slot[8..]) | ((ulong)_heap << 32));
        }
    }
}
