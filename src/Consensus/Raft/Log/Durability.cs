using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// What is known to be on this node's disk while writes are under way: the log up to <see cref="Index"/>, and (<see cref="Term"/>, <see cref="Vote"/>).
/// A race as a story, which is why a confirmation is not believed by index and term alone:
///   1. leader A of term 1 appends entry 5; the write w1 of (5, term 1) is handed out;
///   2. leader B of term 2 overwrites it; w2 of (5, term 2) is handed out;
///   3. leader C of term 3 has A's entry in its log and overwrites back; w3 of (5, term 1) is handed out;
///   4. w1 is confirmed. The log holds (5, term 1) and so did w1, yet the disk will next hold (5, term 2): a crash before w3 loses what an acknowledgement would have promised.
/// So every write under way is capped, when the log is cut below it, to what the cut left: w1 in step 4 confirms entries up to 4 only.
/// Invariant: Index is never above the last entry whose newest version was confirmed.
/// </summary>
internal sealed class Durability(ulong index, ulong term, ulong vote)
{
    private readonly List<Write> _underWay = [];
    private ulong _sequence;

    /// <summary>The log is durable up to here.</summary>
    public ulong Index { get; private set; } = index;

    /// <summary>The durable term.</summary>
    public ulong Term { get; private set; } = term;

    /// <summary>The durable vote of that term.</summary>
    public ulong Vote { get; private set; } = vote;

    /// <summary>Names a set of writes that is about to be handed out.</summary>
    public StorageToken Begin(ulong lastIndex, ulong lastTerm, ulong term, ulong vote)
    {
        _underWay.Add(new Write(++_sequence, lastIndex, term, vote));
        return new StorageToken(_sequence, lastIndex, lastTerm);
    }

    /// <summary>The set and all before it are durable.</summary>
    public void Confirm(StorageToken token)
    {
        Invariant.That(token.Sequence <= _sequence, $"writes {token.Sequence} confirmed, only {_sequence} were handed out");
        var done = 0;
        for (; done < _underWay.Count && _underWay[done].Sequence <= token.Sequence; done++)
        {
            var write = _underWay[done];
            Invariant.That(write.Term >= Term, $"durable term would go back from {Term} to {write.Term}");
            Index = Math.Max(Index, write.LastIndex);
            Term = write.Term;
            Vote = write.Vote;
        }

        Invariant.That(done > 0, $"writes {token.Sequence} confirmed twice");
        _underWay.RemoveRange(0, done);
    }

    /// <summary>Entries from <paramref name="index"/> on were cut off: what is written or being written of them no longer counts.</summary>
    public void TruncatedFrom(ulong index)
    {
        Index = Math.Min(Index, index - 1);
        for (var i = 0; i < _underWay.Count; i++)
            _underWay[i] = _underWay[i] with { LastIndex = Math.Min(_underWay[i].LastIndex, index - 1) };
    }

    /// <summary>The durable log was replaced by an image of everything up to <paramref name="index"/>.</summary>
    public void Reset(ulong index)
    {
        TruncatedFrom(index + 1);
        Index = index;
    }

    private readonly record struct Write(ulong Sequence, ulong LastIndex, ulong Term, ulong Vote);
}
