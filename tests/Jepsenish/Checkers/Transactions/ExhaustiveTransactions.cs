namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>The definitions of isolation, executed: tries every order and every subset of the unknown. For small histories, to hold the real checkers against.</summary>
internal static class ExhaustiveTransactions
{
    private sealed record State(IReadOnlyList<Transaction> Waiting, IReadOnlyList<(Transaction Transaction, Dictionary<string, List<string>> Snapshot)> Begun, Dictionary<string, List<string>> Lists);

    /// <summary>Whether some serial order, in real time or not, explains the history.</summary>
    public static bool IsSerializable(IReadOnlyList<Transaction> history, bool inRealTime) =>
        Serial(new State(Candidates(history), [], []), inRealTime);

    /// <summary>Whether some order of beginnings and commits explains the history, with every transaction reading what was committed when it began, and none writing what was written since.</summary>
    public static bool IsSnapshotIsolated(IReadOnlyList<Transaction> history) => Snapshots(new State(Candidates(history), [], []));

    private static List<Transaction> Candidates(IReadOnlyList<Transaction> history) => [.. history.Where(t => t.Outcome != Outcome.Aborted)];

    private static bool Serial(State state, bool inRealTime)
    {
        if (state.Waiting.All(t => t.Outcome == Outcome.Unknown))
            return true;
        foreach (var next in state.Waiting)
        {
            if (inRealTime && state.Waiting.Any(t => t.Completed < next.Invoked))
                continue;
            if (Explains(next, state.Lists) && Serial(new State([.. state.Waiting.Where(t => t != next)], [], After(next, state.Lists)), inRealTime))
                return true;
        }
        return false;
    }

    private static bool Snapshots(State state)
    {
        if (state.Waiting.Concat(state.Begun.Select(b => b.Transaction)).All(t => t.Outcome == Outcome.Unknown))
            return true;
        foreach (var begun in state.Begun)
        {
            var (transaction, snapshot) = begun;
            var clash = transaction.Steps.Any(s => s.Kind != MicroKind.Read && snapshot.GetValueOrDefault(s.Key)?.Count != state.Lists.GetValueOrDefault(s.Key)?.Count);
            if (!clash && Snapshots(new State(state.Waiting, [.. state.Begun.Where(b => b != begun)], After(transaction, state.Lists))))
                return true;
        }
        foreach (var next in state.Waiting)
        {
            if (Explains(next, state.Lists) && Snapshots(new State([.. state.Waiting.Where(t => t != next)], [.. state.Begun, (next, state.Lists)], state.Lists)))
                return true;
        }
        return false;
    }

    private static bool Explains(Transaction transaction, Dictionary<string, List<string>> lists)
    {
        if (transaction.Outcome != Outcome.Committed)
            return true;
        var own = lists;
        foreach (var step in transaction.Steps)
        {
            var list = own.GetValueOrDefault(step.Key) ?? [];
            if (step.Kind != MicroKind.Read)
                own = After(step, own);
            else if (step.List is { } seen ? !seen.SequenceEqual(list) : step.Value != list.LastOrDefault())
                return false;
        }
        return true;
    }

    private static Dictionary<string, List<string>> After(Transaction transaction, Dictionary<string, List<string>> lists) =>
        transaction.Steps.Where(s => s.Kind != MicroKind.Read).Aggregate(lists, (before, step) => After(step, before));

    private static Dictionary<string, List<string>> After(MicroOperation step, Dictionary<string, List<string>> lists) =>
        new(lists) { [step.Key] = [.. lists.GetValueOrDefault(step.Key) ?? [], step.Value!] };
}
