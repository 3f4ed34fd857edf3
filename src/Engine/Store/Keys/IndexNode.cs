namespace RaftKv.Engine.Store.Keys;

/// <summary>A node of a <see cref="KeyIndex"/>.</summary>
internal abstract class IndexNode(int generation)
{
    /// <summary>The tree's generation when the node was made: only a node of the current one may be changed.</summary>
    public int Generation { get; } = generation;

    /// <summary>Keys in and below this node.</summary>
    public abstract long Keys { get; set; }

    /// <summary>Whether so little is in it that merging is worth a look.</summary>
    public abstract bool IsSparse { get; }

    /// <summary>A copy that may be changed.</summary>
    public abstract IndexNode Clone(int generation);

    /// <summary>Whether all of the node to the right fits into this one, with room to spare.</summary>
    public abstract bool CanTake(IndexNode right);

    /// <summary>Appends all of the node to the right.</summary>
    public abstract void Take(byte[] separator, IndexNode right);
}
