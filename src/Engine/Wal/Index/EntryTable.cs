namespace RaftKv.Engine.Wal.Index;

/// <summary>The places of a group's entries: a ring that grows at both ends, so that appending, cutting the tail and dropping the front cost nothing per entry that stays.</summary>
/// <remarks>Invariant: covers [First, First + Count); the first and the last place are no holes.</remarks>
internal sealed class EntryTable
{
    private EntryLocation[] _ring = new EntryLocation[8];
    private int _head;

    /// <summary>Index of the first entry, when there is one.</summary>
    public ulong First { get; private set; }

    /// <summary>Entries and holes.</summary>
    public int Count { get; private set; }

    /// <summary>Index of the last entry, when there is one.</summary>
    public ulong Last => First + (ulong)Count - 1;

    public bool Contains(ulong index) => Count > 0 && index >= First && index <= Last;

    public ref EntryLocation this[ulong index]
    {
        get
        {
            Invariant.That(Contains(index), $"entry {index} is outside [{First}, +{Count})");
            return ref _ring[(_head + (int)(index - First)) & (_ring.Length - 1)];
        }
    }

    /// <summary>Puts an entry anywhere; what lies between it and the others becomes holes.</summary>
    public void Set(ulong index, in EntryLocation location)
    {
        if (Count == 0)
        {
            First = index;
            _head = 0;
            Count = 1;
        }
        else if (index > Last)
        {
            var more = index - Last;
            Reserve(more);
            for (ulong i = 1; i < more; i++)
                _ring[(_head + Count++) & (_ring.Length - 1)] = default;
            Count++;
        }
        else if (index < First)
        {
            var more = First - index;
            Reserve(more);
            for (ulong i = 0; i < more; i++)
            {
                _head = (_head - 1) & (_ring.Length - 1);
                _ring[_head] = default;
            }

            First = index;
            Count += (int)more;
        }

        this[index] = location;
    }

    /// <summary>Drops the first place, and the holes behind it.</summary>
    public void RemoveFirst()
    {
        do
        {
            _head = (_head + 1) & (_ring.Length - 1);
            First++;
            Count--;
        }
        while (Count > 0 && _ring[_head].IsHole);
    }

    /// <summary>Drops the last place, and the holes before it.</summary>
    public void RemoveLast()
    {
        do
            Count--;
        while (Count > 0 && this[Last].IsHole);
    }

    private void Reserve(ulong more)
    {
        Invariant.That(more < int.MaxValue / 2 && Count + (int)more < int.MaxValue / 2, $"{Count} entries and {more} more are too many for one group");
        if (Count + (int)more <= _ring.Length)
            return;
        var larger = new EntryLocation[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(Count + (int)more))];
        for (var i = 0; i < Count; i++)
            larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
        _ring = larger;
        _head = 0;
    }
}
