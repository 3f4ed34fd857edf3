namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// Decides one key. The search from the beginning decides most histories at once. Where it takes longer, it is interrupted for attempts to refute the history locally: whatever cannot be explained
/// even if all that came before is relaxed, cannot be explained at all. Without that, a violation late in a history with many operations of unknown outcome would have to be refuted for every way
/// in which those may have been used up before.
/// </summary>
internal static class KeyCheck
{
    private const int FirstPause = 2_000;

    public static KeyVerdict Run(IReadOnlyList<ClientOperation> operations, SequentialModel model, long maxBytes, CancellationToken timeUp)
    {
        var history = new KeyHistory(operations, model);
        var search = new KeySearch(history);
        for (var pause = FirstPause; ; pause *= 4)
        {
            var result = search.Run(pause, timeUp);
            if (result != Linearizability.Undecided)
                return new KeyVerdict(result, result == Linearizability.Violated ? Explain(history, search, search) : null, search.Explored);
            if (search.Bytes > maxBytes || timeUp.IsCancellationRequested)
                return new KeyVerdict(Linearizability.Undecided, null, search.Explored);
            if (Refute(history, search.Depth, pause, timeUp) is { } refutation)
                return new KeyVerdict(Linearizability.Violated, Explain(history, search, refutation), search.Explored);
        }
    }

    /// <summary>Tries ever longer stretches that end where the search got stuck.</summary>
    private static KeySearch? Refute(KeyHistory history, int depth, long effort, CancellationToken timeUp)
    {
        for (var length = 1; length < depth; length *= 2)
        {
            var from = depth - length;
            if (history.Model.StatesAfter(history.Operations[history.Completions[from - 1]].Completed) is not { } states)
                return null;
            var relaxed = new KeySearch(history, from, states);
            switch (relaxed.Run(effort, timeUp))
            {
                case Linearizability.Violated:
                    return relaxed;
                case Linearizability.Undecided:
                    return null;
                default:
                    continue;
            }
        }
        return null;
    }

    private static Violation Explain(KeyHistory history, KeySearch search, KeySearch refutation)
    {
        var stuck = refutation.Depth;
        return new Violation(
            history.Operations[history.Completions[stuck]],
            [.. history.Completions[..stuck].Select(i => history.Operations[i])],
            [.. history.Live[stuck].Select(i => history.Operations[i])],
            search.DeepestOrder,
            [.. refutation.DeepestStates]);
    }
}
