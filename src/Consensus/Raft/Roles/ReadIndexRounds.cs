using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Linearizable reads by a round of confirmations (thesis 6.4). Reads that arrive together share a round; every message to a follower carries the newest round's number and
/// every answer returns it, so a lost message costs nothing but time.
/// Invariant: a read is answered only after a quorum answered a message sent after the read arrived. Round numbers only grow within a term and answers carry the term, so neither a
/// late nor a repeated answer confirms a later read, whatever its context.
/// </summary>
internal sealed class ReadIndexRounds(RaftCore core)
{
    private readonly Queue<Waiting> _waiting = [];
    private bool _hasUnsent;

    /// <summary>The newest round.</summary>
    public ulong Round { get; private set; }

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Whether reads wait for a round that has not begun.</summary>
    public bool HasUnsent => _hasUnsent;

    /// <summary>A read arrived.</summary>
    public void Add(ulong context, ulong from)
    {
        _waiting.Enqueue(new Waiting(Round + 1, context, from, core.Log.Committed));
        _hasUnsent = true;
    }

    /// <summary>Begins the round that the reads since the last one wait for.</summary>
    public void BeginRound()
    {
        if (!_hasUnsent)
            return;
        Round++;
        _hasUnsent = false;
    }

    /// <summary>A quorum has confirmed rounds up to this one.</summary>
    public void Confirm(ulong round)
    {
        while (_waiting.TryPeek(out var read) && read.Round <= Math.Min(round, Round))
        {
            _waiting.Dequeue();
            Answer(core, read.From, read.Context, read.Index);
        }
    }

    /// <summary>Leadership is lost.</summary>
    public void RefuseAll()
    {
        if (_waiting.Count > 0)
            Sometimes.Reached(Sometimes.ReadsRefusedByResignation);
        while (_waiting.TryDequeue(out var read))
            Refuse(core, read.From, read.Context);
    }

    public static void Answer(RaftCore core, ulong from, ulong context, ulong index)
    {
        if (from == core.Self)
            core.Out.Answer(new ReadState(context, index));
        else
            core.SendInTerm(new ReadIndexResponse { From = core.Self, To = from, Term = core.Term, Context = context, Index = index });
    }

    public static void Refuse(RaftCore core, ulong from, ulong context)
    {
        if (from == core.Self)
            core.Out.Answer(new ReadState(context, 0));
        else
            core.SendInTerm(new ReadIndexRefused { From = core.Self, To = from, Term = core.Term, Context = context });
    }

    private readonly record struct Waiting(ulong Round, ulong Context, ulong From, ulong Index);
}
