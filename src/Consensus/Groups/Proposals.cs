using RaftKv.Engine;

namespace RaftKv.Consensus.Groups;

/// <summary>Who waits for an entry that this leader proposed: a caller of this node, or a peer that forwarded it.</summary>
internal readonly record struct Proposal(ulong Index, ulong Term, Operation? Local, int Generation, ulong Peer, ulong Request);

/// <summary>
/// The leader's proposals on their way to being applied, in log order.
/// Invariant: indices ascend; all were proposed in the same term (the queue is emptied when leadership ends).
/// </summary>
internal sealed class Proposals
{
    private readonly Queue<Proposal> _waiting = new();
    private ulong _lastIndex;

    public int Count => _waiting.Count;

    /// <summary>The term in which all of them were proposed.</summary>
    public ulong Term { get; private set; }

    public void Add(in Proposal proposal)
    {
        Invariant.That(_waiting.Count == 0 || proposal.Index > _lastIndex, $"proposal {proposal.Index} is not behind {_lastIndex}");
        Invariant.That(_waiting.Count == 0 || proposal.Term == Term, $"proposals of terms {Term} and {proposal.Term}");
        Term = proposal.Term;
        _lastIndex = proposal.Index;
        _waiting.Enqueue(proposal);
    }

    /// <summary>Takes the proposal of an entry that is being applied, if this node's callers or peers wait for it.</summary>
    public bool TryTake(ulong index, ulong term, out Proposal proposal)
    {
        if (!_waiting.TryPeek(out proposal) || proposal.Index > index)
            return false;
        Invariant.That(proposal.Index == index && proposal.Term == term, $"entry ({index}, {term}) was applied while ({proposal.Index}, {proposal.Term}) is proposed");
        _waiting.Dequeue();
        return true;
    }

    /// <summary>Takes them all: leadership was lost, their fate is open.</summary>
    public bool TryTakeAny(out Proposal proposal) => _waiting.TryDequeue(out proposal);
}
