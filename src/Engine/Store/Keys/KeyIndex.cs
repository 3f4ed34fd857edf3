using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Store.Keys;

/// <summary>What the index knows of a key's record besides the key.</summary>
/// <param name="Address">Where the record is in FASTER's log, below 2^46.</param>
/// <param name="ValueLength">Length of the user's value.</param>
/// <param name="Expires">Whether the record has an expiry time.</param>
internal readonly record struct IndexEntry(long Address, int ValueLength, bool Expires);

/// <summary>
/// An ordered map from keys to <see cref="IndexEntry"/>: a B+tree whose leaves keep their keys in one slab of bytes: 32 bytes per 16-byte key in a full leaf, about 46 at the usual fill. Inner nodes count the keys below them, so a position is found in O(log n).
/// One thread uses it. <see cref="Freeze"/> takes an image of it in O(1), which any thread may walk: nodes are copied when they are changed after it (copy on write).
/// </summary>
/// <remarks>
/// Invariant: a node whose generation is older than the tree's is never changed again.
/// Invariant: keys ascend strictly through the leaves; child i of an inner node holds exactly the keys in [separator i - 1, separator i).
/// Invariant: no leaf is empty but the root.
/// </remarks>
internal sealed class KeyIndex
{
    private IndexNode _root = new IndexLeaf(0);
    private int _generation;

    /// <summary>Number of keys.</summary>
    public long Count => _root.Keys;

    /// <summary>Finds a key.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out IndexEntry entry)
    {
        var leaf = LeafFor(_root, key);
        var position = leaf.Find(key, out var found);
        entry = found ? leaf.EntryAt(position) : default;
        return found;
    }

    /// <summary>Adds a key, or replaces its entry; returns true, and the old entry, if it was there.</summary>
    public bool Set(ReadOnlySpan<byte> key, IndexEntry entry, out IndexEntry old)
    {
        while (true)
        {
            _root = Own(_root);
            var outcome = Set(_root, key, entry, out old, out var right, out var separator);
            if (right is not null)
                _root = new IndexInner(_generation, _root, separator!, right);
            if (outcome != SetOutcome.Retry)
                return outcome == SetOutcome.Replaced;
        }
    }

    /// <summary>Removes a key; returns true, and its entry, if it was there.</summary>
    public bool Remove(ReadOnlySpan<byte> key, out IndexEntry old)
    {
        if (!TryGet(key, out old))
            return false;
        _root = Own(_root);
        Remove(_root, key);
        while (_root is IndexInner { Count: 1 } inner)
            _root = inner.Children[0]!;
        return true;
    }

    /// <summary>The first key at or after <paramref name="from"/> (after it if <paramref name="exclusive"/>), appended to <paramref name="key"/>.</summary>
    public bool TryGetNext(ReadOnlySpan<byte> from, bool exclusive, PooledBuffer key)
    {
        var cursor = new Cursor(_root);
        cursor.Seek(from, exclusive);
        if (!cursor.Valid)
            return false;
        key.Write(cursor.Key);
        return true;
    }

    /// <summary>The key at a position of the order, appended to <paramref name="key"/>.</summary>
    public bool TryGetAt(long position, PooledBuffer key)
    {
        if (position < 0 || position >= Count)
            return false;
        var node = _root;
        while (node is IndexInner inner)
        {
            var child = 0;
            while (position >= inner.Children[child]!.Keys)
                position -= inner.Children[child++]!.Keys;
            node = inner.Children[child]!;
        }
        key.Write(((IndexLeaf)node).KeyAt((int)position));
        return true;
    }

    /// <summary>An image of the index as it is now, at its first key; it never changes.</summary>
    public Cursor Freeze()
    {
        _generation++;
        return First();
    }

    /// <summary>The first key's place; valid until the next change.</summary>
    public Cursor First()
    {
        var cursor = new Cursor(_root);
        cursor.Seek(default, exclusive: false);
        return cursor;
    }

    private enum SetOutcome
    {
        Added,
        Replaced,

        /// <summary>A leaf was split to make room; start again from the root.</summary>
        Retry,
    }

    private IndexNode Own(IndexNode node) => node.Generation == _generation ? node : node.Clone(_generation);

    private static IndexLeaf LeafFor(IndexNode node, ReadOnlySpan<byte> key)
    {
        while (node is IndexInner inner)
            node = inner.Children[inner.ChildFor(key)]!;
        return (IndexLeaf)node;
    }

    private SetOutcome Set(IndexNode node, ReadOnlySpan<byte> key, IndexEntry entry, out IndexEntry old, out IndexNode? right, out byte[]? separator)
    {
        if (node is IndexLeaf leaf)
            return SetInLeaf(leaf, key, entry, out old, out right, out separator);
        var inner = (IndexInner)node;
        var index = inner.ChildFor(key);
        var child = inner.Children[index] = Own(inner.Children[index]!);
        var outcome = Set(child, key, entry, out old, out var newChild, out var newSeparator);
        if (outcome == SetOutcome.Added)
            inner.Keys++;
        if (newChild is not null)
            inner.Insert(index + 1, newSeparator!, newChild);
        right = inner.Count > IndexInner.MaxChildren ? inner.Split(_generation, out separator) : NoSplit(out separator);
        return outcome;
    }

    private SetOutcome SetInLeaf(IndexLeaf leaf, ReadOnlySpan<byte> key, IndexEntry entry, out IndexEntry old, out IndexNode? right, out byte[]? separator)
    {
        right = NoSplit(out separator);
        var position = leaf.Find(key, out var found);
        old = found ? leaf.EntryAt(position) : default;
        if (found)
        {
            leaf.SetEntry(position, entry);
            return SetOutcome.Replaced;
        }
        if (leaf.TryInsert(position, key, entry))
            return SetOutcome.Added;
        right = leaf.Split(_generation, atEnd: position == leaf.Count, out separator);
        return SetOutcome.Retry;
    }

    private static IndexNode? NoSplit(out byte[]? separator)
    {
        separator = null;
        return null;
    }

    private void Remove(IndexNode node, ReadOnlySpan<byte> key)
    {
        if (node is IndexLeaf leaf)
        {
            leaf.RemoveAt(leaf.Find(key, out _));
            return;
        }
        var inner = (IndexInner)node;
        var index = inner.ChildFor(key);
        var child = inner.Children[index] = Own(inner.Children[index]!);
        Remove(child, key);
        inner.Keys--;
        if (child.Keys == 0)
            inner.RemoveChild(index);
        else if (child.IsSparse)
            MergeWithNeighbour(inner, index);
    }

    /// <summary>Empties a child into its left or right neighbour if both fit into one node with room to spare.</summary>
    private void MergeWithNeighbour(IndexInner parent, int index)
    {
        var left = index > 0 ? index - 1 : index;
        if (left + 1 >= parent.Count || !parent.Children[left]!.CanTake(parent.Children[left + 1]!))
            return;
        var target = parent.Children[left] = Own(parent.Children[left]!);
        target.Take(parent.Separators[left]!, parent.Children[left + 1]!);
        parent.RemoveChild(left + 1);
    }

    /// <summary>A place in the index. Valid until the next change of a tree that was not frozen.</summary>
    internal sealed class Cursor(IndexNode root)
    {
        private readonly List<(IndexInner Node, int Child)> _path = [];
        private IndexLeaf? _leaf;
        private int _position;

        /// <summary>Whether there is a key here.</summary>
        public bool Valid => _leaf is not null && _position < _leaf.Count;

        /// <summary>The key here.</summary>
        public ReadOnlySpan<byte> Key => _leaf!.KeyAt(_position);

        /// <summary>Its entry.</summary>
        public IndexEntry Entry => _leaf!.EntryAt(_position);

        /// <summary>Goes to the first key at or after a bound.</summary>
        public void Seek(ReadOnlySpan<byte> from, bool exclusive)
        {
            _path.Clear();
            var node = root;
            while (node is IndexInner inner)
            {
                var child = inner.ChildFor(from);
                _path.Add((inner, child));
                node = inner.Children[child]!;
            }
            _leaf = (IndexLeaf)node;
            _position = _leaf.Find(from, out var found);
            if (found && exclusive)
                _position++;
            if (_position == _leaf.Count)
                NextLeaf();
        }

        /// <summary>Looks a key up, from any place.</summary>
        public bool TryGet(ReadOnlySpan<byte> key, out IndexEntry entry)
        {
            var leaf = LeafFor(root, key);
            var position = leaf.Find(key, out var found);
            entry = found ? leaf.EntryAt(position) : default;
            return found;
        }

        /// <summary>Goes to the next key.</summary>
        public void Next()
        {
            if (++_position == _leaf!.Count)
                NextLeaf();
        }

        private void NextLeaf()
        {
            _leaf = null;
            _position = 0;
            while (_path.Count > 0 && _path[^1].Child + 1 == _path[^1].Node.Count)
                _path.RemoveAt(_path.Count - 1);
            if (_path.Count == 0)
                return;
            _path[^1] = (_path[^1].Node, _path[^1].Child + 1);
            var node = _path[^1].Node.Children[_path[^1].Child]!;
            while (node is IndexInner inner)
            {
                _path.Add((inner, 0));
                node = inner.Children[0]!;
            }
            _leaf = (IndexLeaf)node;
        }
    }
}
