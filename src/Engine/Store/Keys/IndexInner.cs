namespace RaftKv.Engine.Store.Keys;

/// <summary>An inner node of a <see cref="KeyIndex"/>: children and the separators between them.</summary>
internal sealed class IndexInner : IndexNode
{
    /// <summary>Children before a split: the binary search over the separators' arrays is what a lookup mostly waits for.</summary>
    public const int MaxChildren = 64;

    /// <summary>Makes a root above two nodes.</summary>
    public IndexInner(int generation, IndexNode left, byte[] separator, IndexNode right)
        : this(generation)
    {
        Children[0] = left;
        Children[1] = right;
        Separators[0] = separator;
        Count = 2;
        Keys = left.Keys + right.Keys;
    }

    private IndexInner(int generation)
        : base(generation)
    {
    }

    /// <summary>Children in use.</summary>
    public int Count { get; private set; }

    /// <inheritdoc/>
    public override long Keys { get; set; }

    /// <summary>The children, in order.</summary>
    public IndexNode?[] Children { get; } = new IndexNode?[MaxChildren + 1];

    /// <summary>Separator i is above every key of child i and not above any key of child i + 1.</summary>
    public byte[]?[] Separators { get; } = new byte[]?[MaxChildren];

    /// <inheritdoc/>
    public override bool IsSparse => Count < MaxChildren / 4;

    /// <summary>The child that holds a key, if any does.</summary>
    public int ChildFor(ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, Count - 1);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (key.SequenceCompareTo(Separators[middle]) < 0)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    /// <summary>Puts a child, split off its left neighbour, at an index; the number of keys stays as it is.</summary>
    public void Insert(int index, byte[] separator, IndexNode child)
    {
        Array.Copy(Children, index, Children, index + 1, Count - index);
        Array.Copy(Separators, index - 1, Separators, index, Count - index);
        Children[index] = child;
        Separators[index - 1] = separator;
        Count++;
    }

    /// <summary>Takes a child out, whose keys are gone already or are another's; its neighbour's range grows over it.</summary>
    public void RemoveChild(int index)
    {
        var separator = Math.Max(index - 1, 0);
        Array.Copy(Children, index + 1, Children, index, Count - index - 1);
        if (Count > 1)
            Array.Copy(Separators, separator + 1, Separators, separator, Count - 2 - separator);
        Count--;
        Children[Count] = null;
        Separators[Math.Max(Count - 1, 0)] = null;
    }

    /// <summary>Moves the upper half to a new node.</summary>
    public IndexInner Split(int generation, out byte[] separator)
    {
        var right = new IndexInner(generation);
        var keep = Count / 2;
        right.Count = Count - keep;
        Array.Copy(Children, keep, right.Children, 0, right.Count);
        Array.Copy(Separators, keep, right.Separators, 0, right.Count - 1);
        separator = Separators[keep - 1]!;
        Array.Clear(Children, keep, right.Count);
        Array.Clear(Separators, keep - 1, right.Count);
        Count = keep;
        for (var i = 0; i < right.Count; i++)
            right.Keys += right.Children[i]!.Keys;
        Keys -= right.Keys;
        return right;
    }

    /// <inheritdoc/>
    public override IndexNode Clone(int generation)
    {
        var clone = new IndexInner(generation) { Count = Count, Keys = Keys };
        Array.Copy(Children, clone.Children, Count);
        Array.Copy(Separators, clone.Separators, Count - 1);
        return clone;
    }

    /// <inheritdoc/>
    public override bool CanTake(IndexNode right) => Count + ((IndexInner)right).Count <= MaxChildren * 3 / 4;

    /// <inheritdoc/>
    public override void Take(byte[] separator, IndexNode right)
    {
        var other = (IndexInner)right;
        Separators[Count - 1] = separator;
        Array.Copy(other.Children, 0, Children, Count, other.Count);
        Array.Copy(other.Separators, 0, Separators, Count, other.Count - 1);
        Count += other.Count;
        Keys += other.Keys;
    }
}
