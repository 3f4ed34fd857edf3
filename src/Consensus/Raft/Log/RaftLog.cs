using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// One group's log: the entries (StartIndex, LastIndex], what of them is written, committed, handed out and applied. Newest entries in memory, older ones read from storage.
/// Invariant: StartIndex &lt;= Applied &lt;= HandedOut &lt;= Committed &lt;= LastIndex, and HandedOut &lt;= durable at the time of handing out.
/// Invariant: nothing at or below Committed is ever cut off.
/// Invariant: what is not both durable and applied is in memory (or was so at recovery, or while nothing could be applied: then it is durable and committed).
/// </summary>
internal sealed class RaftLog
{
    private readonly ILogStorage _storage;
    private readonly EntryCache _cache;
    private readonly TermIndex _terms;
    private readonly long _maxCachedBytes;

    public RaftLog(RaftInitialState initial, ILogStorage storage, long maxCachedBytes)
    {
        Invariant.That(initial.StartIndex <= initial.AppliedIndex && initial.AppliedIndex <= initial.LastIndex,
            $"recovered start {initial.StartIndex}, applied {initial.AppliedIndex}, last {initial.LastIndex} do not ascend");
        _storage = storage;
        _maxCachedBytes = maxCachedBytes;
        StartIndex = initial.StartIndex;
        LastIndex = Written = initial.LastIndex;
        Committed = HandedOut = Applied = initial.AppliedIndex;
        LastTimestamp = initial.LastTimestamp;
        _terms = new TermIndex(initial.StartIndex, initial.StartTerm, initial.Terms);
        _cache = new EntryCache(initial.LastIndex + 1);
        Disk = new Durability(initial.LastIndex, initial.Term, initial.Vote);
    }

    /// <summary>The log begins after this entry.</summary>
    public ulong StartIndex { get; private set; }

    /// <summary>Last entry.</summary>
    public ulong LastIndex { get; private set; }

    /// <summary>Term of the last entry.</summary>
    public ulong LastTerm => _terms.Last;

    /// <summary>Committed up to here, as far as this node knows.</summary>
    public ulong Committed { get; private set; }

    /// <summary>Handed out to be applied up to here.</summary>
    public ulong HandedOut { get; private set; }

    /// <summary>Applied up to here.</summary>
    public ulong Applied { get; private set; }

    /// <summary>Handed out to be written up to here.</summary>
    public ulong Written { get; private set; }

    /// <summary>New entries are stamped no lower.</summary>
    public long LastTimestamp { get; private set; }

    /// <summary>What is on disk.</summary>
    public Durability Disk { get; }

    /// <summary>Whether there is something to hand out for applying.</summary>
    public bool HasCommitted => HandedOut < MayBeApplied;

    private ulong MayBeApplied => Math.Min(Committed, Disk.Index);

    /// <summary>Term of an entry, start entry included; 0 for an entry that the log does not have.</summary>
    public ulong TermAt(ulong index) => index < StartIndex || index > LastIndex ? 0 : _terms.At(index);

    /// <summary>Whether the log has this very entry.</summary>
    public bool Matches(ulong index, ulong term) => index >= StartIndex && index <= LastIndex && _terms.At(index) == term;

    /// <summary>Whether a log that ends so is at least as complete as this one (Raft paper 5.4.1).</summary>
    public bool IsUpToDate(ulong lastIndex, ulong lastTerm) => lastTerm > LastTerm || (lastTerm == LastTerm && lastIndex >= LastIndex);

    /// <summary>The highest entry at or below <paramref name="index"/> whose term is at most <paramref name="term"/>: above it, a log in which (index, term) stands cannot match this one.</summary>
    public (ulong Index, ulong Term) FindMatchCandidate(ulong index, ulong term)
    {
        index = Math.Min(index, LastIndex);
        while (index > StartIndex && _terms.At(index) > term)
            index = Math.Max(_terms.RunStart(index) - 1, StartIndex);
        return (index, index >= StartIndex ? _terms.At(index) : 0);
    }

    /// <summary>Appends an entry, copying its payload; returns its index.</summary>
    public ulong Append(ulong term, EntryKind kind, long timestamp, ReadOnlySpan<byte> payload)
    {
        LastTimestamp = Math.Max(LastTimestamp, timestamp);
        _terms.Append(LastIndex + 1, term);
        _cache.Add(term, kind, timestamp, payload);
        return ++LastIndex;
    }

    /// <summary>Cuts off a conflicting tail.</summary>
    public void TruncateFrom(ulong index)
    {
        Invariant.That(index > Committed, $"entry {index} would be cut off, but {Committed} is committed");
        _cache.RemoveFrom(index);
        _terms.TruncateFrom(index);
        Disk.TruncatedFrom(index);
        LastIndex = index - 1;
        Written = Math.Min(Written, LastIndex);
        // The time of what is gone binds nobody: another leader's clock may show less, and goes on from its own. Where the entry before is not in memory, as after a restart, what takes the tail's place tells: stamps ascend.
        LastTimestamp = LastIndex >= _cache.First ? _cache[LastIndex].Timestamp : 0;
    }

    /// <summary>Marks entries up to <paramref name="index"/> as committed.</summary>
    public void CommitTo(ulong index)
    {
        Invariant.That(index >= Committed, $"commit index would go back from {Committed} to {index}");
        Invariant.That(index <= LastIndex, $"commit index {index} beyond the log's end {LastIndex}");
        Committed = index;
    }

    /// <summary>Adds the entries that were not handed out to be written yet.</summary>
    public void TakeUnwritten(List<LogEntry> into)
    {
        while (Written < LastIndex)
            into.Add(_cache[++Written]);
    }

    /// <summary>Adds committed and durable entries not handed out yet, up to about <paramref name="maxBytes"/> of payload, at least one.</summary>
    public void TakeCommitted(List<LogEntry> into, long maxBytes)
    {
        if (HasCommitted)
            HandedOut += (ulong)Collect(HandedOut + 1, MayBeApplied, maxBytes, into, out _);
    }

    /// <summary>What was handed out and not applied is to be handed out again.</summary>
    public void TakeBack() => HandedOut = Applied;

    /// <summary>Adds committed and durable entries from <paramref name="first"/> on, until their payloads exceed <paramref name="maxBytes"/>.</summary>
    public void ReadCommitted(ulong first, long maxBytes, List<LogEntry> into)
    {
        if (first <= MayBeApplied)
            Collect(first, MayBeApplied, maxBytes, into, out _);
    }

    /// <summary>Nothing is applied for a while: memory beyond the limit is given back all the same. Not while payloads that were handed out are in use.</summary>
    public void Relieve()
    {
        while (_cache.Bytes > _maxCachedBytes && _cache.First < _cache.Next && _cache.First <= Math.Min(MayBeApplied, Written))
            _cache.RemoveUpTo(_cache.First);
    }

    /// <summary>Adds entries from <paramref name="first"/> up to <paramref name="last"/> until their payloads exceed <paramref name="maxBytes"/>, at least one; returns how many.</summary>
    public int Collect(ulong first, ulong last, long maxBytes, List<LogEntry> into, out long bytes)
    {
        Invariant.That(first > StartIndex && last <= LastIndex, $"entries {first} to {last} asked for, the log holds {StartIndex + 1} to {LastIndex}");
        var before = into.Count;
        bytes = 0;
        if (first < _cache.First)
        {
            _storage.Read(first, Math.Min(last, _cache.First - 1), maxBytes, into);
            Invariant.That(into.Count > before && into[before].Index == first && into[before].Term == _terms.At(first), $"storage did not give entry {first}");
            for (var i = before; i < into.Count; i++)
                bytes += into[i].Payload.Length;
            return into.Count - before;
        }

        for (var index = first; index <= last; index++)
        {
            ref readonly var entry = ref _cache[index];
            if (index > first && bytes + entry.Payload.Length > maxBytes)
                break;
            bytes += entry.Payload.Length;
            into.Add(entry);
        }

        return into.Count - before;
    }

    /// <summary>Payload bytes of entries (after, upTo] as far as they are in memory.</summary>
    public long CachedBytes(ulong after, ulong upTo)
    {
        var bytes = 0L;
        for (var index = Math.Max(after + 1, _cache.First); index <= upTo; index++)
            bytes += _cache[index].Payload.Length;
        return bytes;
    }

    /// <summary>The state machine has applied up to here; memory beyond the limit is given back.</summary>
    public void AppliedTo(ulong index)
    {
        Invariant.That(index >= Applied && index <= HandedOut, $"applied {index} reported, {Applied} was before and {HandedOut} handed out");
        Applied = index;
        while (_cache.Bytes > _maxCachedBytes && _cache.First < _cache.Next && _cache.First <= Math.Min(Applied, Disk.Index))
            _cache.RemoveUpTo(_cache.First);
    }

    /// <summary>Forgets entries up to <paramref name="index"/>.</summary>
    public void Compact(ulong index)
    {
        Invariant.That(index <= Applied, $"compaction up to {index}, but only {Applied} is applied");
        if (index <= StartIndex)
            return;
        _terms.Compact(index);
        _cache.RemoveUpTo(index);
        StartIndex = index;
    }

    /// <summary>The log is empty after an installed image of (index, term).</summary>
    public void Reset(ulong index, ulong term)
    {
        Invariant.That(index > Committed, $"image of {index} installed, but {Committed} is committed already");
        Invariant.That(!Matches(index, term), $"image of {index} installed over a log that has that entry: what follows it may have been acknowledged");
        _cache.Reset(index + 1);
        _terms.Reset(index, term);
        Disk.Reset(index);
        StartIndex = LastIndex = Written = Committed = HandedOut = Applied = index;
    }

    /// <summary>New entries are stamped no lower than this.</summary>
    public void RaiseTimestamp(long timestamp) => LastTimestamp = Math.Max(LastTimestamp, timestamp);
}
