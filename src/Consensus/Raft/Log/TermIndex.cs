using RaftKv.Engine;
using RaftKv.Engine.Wal;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// The term of every entry, as runs of equal terms: a few bytes whatever the log's length.
/// Invariant: indices and terms ascend strictly from run to run; the first run begins at the log's start entry.
/// </summary>
internal sealed class TermIndex
{
    private readonly List<TermRun> _runs = [];

    public TermIndex(ulong startIndex, ulong startTerm, IReadOnlyList<TermRun> runs)
    {
        _runs.Add(new TermRun(startIndex, startTerm));
        foreach (var run in runs)
            Append(run.FirstIndex, run.Term);
    }

    /// <summary>Term of the last run.</summary>
    public ulong Last => _runs[^1].Term;

    /// <summary>Term of an entry from the start entry on.</summary>
    public ulong At(ulong index)
    {
        // The newest run holds nearly everything that is asked for.
        var run = _runs.Count - 1;
        while (_runs[run].FirstIndex > index)
            run--;
        return _runs[run].Term;
    }

    /// <summary>First index at or below <paramref name="index"/> that begins a run (used to step back over a whole term).</summary>
    public ulong RunStart(ulong index)
    {
        var run = _runs.Count - 1;
        while (_runs[run].FirstIndex > index)
            run--;
        return _runs[run].FirstIndex;
    }

    public void Append(ulong index, ulong term)
    {
        Invariant.That(term >= Last, $"entry {index} of term {term} follows one of term {Last}");
        if (term > Last)
            _runs.Add(new TermRun(index, term));
    }

    public void TruncateFrom(ulong index)
    {
        while (_runs.Count > 1 && _runs[^1].FirstIndex >= index)
            _runs.RemoveAt(_runs.Count - 1);
    }

    /// <summary>Makes <paramref name="index"/> the start entry.</summary>
    public void Compact(ulong index)
    {
        var term = At(index);
        var keep = 0;
        while (keep + 1 < _runs.Count && _runs[keep + 1].FirstIndex <= index)
            keep++;
        _runs.RemoveRange(0, keep);
        _runs[0] = new TermRun(index, term);
    }

    public void Reset(ulong index, ulong term)
    {
        _runs.Clear();
        _runs.Add(new TermRun(index, term));
    }
}
