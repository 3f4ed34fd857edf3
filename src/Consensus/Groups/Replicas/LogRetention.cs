namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>Knows, to about a sixteenth of it and at most a mebibyte, which entry lies a given number of payload bytes behind the last applied one.</summary>
internal sealed class LogRetention(long retainedBytes)
{
    private readonly long _step = Math.Clamp(retainedBytes / 16, 1, 1 << 20);
    private readonly Queue<(ulong Index, long Bytes)> _marks = new();
    private long _marked;
    private long _sinceMark;

    /// <summary>Entries above this index are kept for followers that were away for a moment.</summary>
    public ulong OldestRetained { get; private set; }

    public void OnApplied(ulong index, int bytes)
    {
        _sinceMark += bytes + 64; // what an entry costs beside its payload
        if (_sinceMark < _step)
            return;
        _marks.Enqueue((index, _sinceMark));
        _marked += _sinceMark;
        _sinceMark = 0;
        while (_marked > retainedBytes)
        {
            var (oldest, size) = _marks.Dequeue();
            OldestRetained = oldest;
            _marked -= size;
        }
    }
}
