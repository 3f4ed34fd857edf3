using RaftKv.Engine;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>An entry that this leader proposed, and who waits for it.</summary>
internal readonly record struct Proposal(ulong Index, ulong Term, IProposer Proposer, ProposalTag Tag);

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

    /// <summary>An entry was applied: whoever proposed it here is told.</summary>
    public void OnApplied(ulong index, ulong term, ReadOnlySpan<byte> result)
    {
        if (!_waiting.TryPeek(out var proposal) || proposal.Index > index)
            return;
        Invariant.That(proposal.Index == index && proposal.Term == term, $"entry ({index}, {term}) was applied while ({proposal.Index}, {proposal.Term}) is proposed");
        _waiting.Dequeue();
        proposal.Proposer.OnApplied(proposal.Tag, result);
    }

    /// <summary>Leadership was lost: what becomes of the entries is for the next leader to say, and who waits for them is told so.</summary>
    public void LoseAll()
    {
        while (_waiting.TryDequeue(out var proposal))
            proposal.Proposer.OnLost(proposal.Tag);
    }
}
