using System.Numerics;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Appends sent to one follower and not acknowledged yet: the pipeline's bound, in messages and bytes.
/// Invariant: last indices ascend; Bytes is the sum of what is held.
/// </summary>
internal sealed class InflightWindow(int maxMessages, long maxBytes)
{
    private (ulong LastIndex, long Bytes)[] _ring = new (ulong, long)[8];
    private int _head;

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Whether nothing more may be sent. The byte bound may be passed by one message, so that an entry larger than it can go at all.</summary>
    public bool IsFull => Count >= maxMessages || Bytes >= maxBytes;

    public void Add(ulong lastIndex, long bytes)
    {
        if (Count == _ring.Length)
            Grow();
        _ring[(_head + Count++) & (_ring.Length - 1)] = (lastIndex, bytes);
        Bytes += bytes;
    }

    /// <summary>Everything up to this index has arrived.</summary>
    public void FreeUpTo(ulong index)
    {
        while (Count > 0 && _ring[_head].LastIndex <= index)
        {
            Bytes -= _ring[_head].Bytes;
            _head = (_head + 1) & (_ring.Length - 1);
            Count--;
        }
    }

    public void Clear()
    {
        _head = Count = 0;
        Bytes = 0;
    }

    private void Grow()
    {
        var larger = new (ulong, long)[BitOperations.RoundUpToPowerOf2((uint)_ring.Length + 1)];
        for (var i = 0; i < Count; i++)
            larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
        _ring = larger;
        _head = 0;
    }
}
