namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// What one search may still cost: steps, which are the same in every replay, and a time limit, which is not. Used by one thread.
/// Invariant: once exhausted, it stays so; a search that saw it exhausted says Undecided.
/// </summary>
internal sealed class SearchBudget(long steps, CancellationToken timeUp)
{
    private long _left = steps;

    /// <summary>Whether nothing is left.</summary>
    public bool IsExhausted => _left <= 0 || timeUp.IsCancellationRequested;

    /// <summary>Takes one step: one operation tried in front of a completion.</summary>
    public void Spend() => _left--;
}
