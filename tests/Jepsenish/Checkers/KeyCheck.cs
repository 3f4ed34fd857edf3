namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>
/// Decides one key. The search from the beginning decides most histories at once. Where it takes longer, it is interrupted for attempts to refute the history locally: whatever cannot be explained
/// even if all that came before is relaxed, cannot be explained at all. Without that, a violation late in a history with many operations of unknown outcome would have to be refuted for every way
/// in which those may have been used up before.
/// </summary>
internal sealed class KeyCheck(IReadOnlyList<ClientOperation> operations, Func<IReadOnlyList<ClientOperation>, SequentialModel> model, SearchLimits limits)
{
    private static readonly TimeSpan ExplanationTime = TimeSpan.FromSeconds(20);

    /// <summary>Decides, without a word on why.</summary>
    public KeyVerdict Run(CancellationToken timeUp)
    {
        var (result, search) = Decide(new KeyHistory(operations, model(operations)), new SearchBudget(limits.MaxStepsPerKey, timeUp));
        return new KeyVerdict(result, null, search.Explored);
    }

    private (Linearizability Result, KeySearch Search) Decide(KeyHistory history, SearchBudget budget)
    {
        var search = new KeySearch(history, budget);
        for (var pause = limits.FirstPause; ; pause *= 4)
        {
            var result = search.Run(history.Completions.Length, pause);
            if (result != Linearizability.Undecided || search.Bytes > limits.MaxBytesPerKey || budget.IsExhausted)
                return (result, search);
            if (IsRefuted(history, search.Depth, pause, budget))
                return (Linearizability.Violated, search);
        }
    }

    /// <summary>Tries ever longer stretches that end right behind the place where the search got stuck.</summary>
    private static bool IsRefuted(KeyHistory history, int depth, long effort, SearchBudget budget)
    {
        for (var length = 1; length < depth; length *= 2)
        {
            var from = depth - length;
            if (history.Model.StatesAfter(history.Operations[history.Completions[from - 1]].Completed) is not { } states)
                return false;
            var result = new KeySearch(history, from, states, budget).Run(depth + 1, effort);
            if (result != Linearizability.Linearizable)
                return result == Linearizability.Violated;
        }
        return false;
    }

    /// <summary>
    /// The search looks ahead, so the place where it gave up says little. What explains a violation is the longest prefix that is linearizable, and the completion that comes next:
    /// prefixes are tried by halving, because one that is not linearizable makes no longer one so.
    /// </summary>
    public Violation Explain()
    {
        // As much again as the verdict may take, and not longer than anybody wants to wait for words.
        using var timeUp = limits.MaxTime == Timeout.InfiniteTimeSpan ? new CancellationTokenSource() : new CancellationTokenSource(ExplanationTime);
        var budget = new SearchBudget(limits.MaxStepsPerKey, timeUp.Token);
        var completions = operations.Where(o => !o.IsUnknown).OrderBy(o => o.Completed).ToList();
        var (good, bad) = (0, completions.Count);
        while (bad - good > 1)
        {
            var middle = (good + bad) / 2;
            var (result, _) = Decide(Prefix(completions[middle - 1].Completed), budget);
            // What cannot be decided in time counts as good: the whole history is known to be bad.
            (good, bad) = result == Linearizability.Violated ? (good, middle) : (middle, bad);
        }
        var stuck = completions[bad - 1];
        var order = good == 0 ? [] : Decide(Prefix(completions[good - 1].Completed), new SearchBudget(limits.MaxStepsPerKey, timeUp.Token)).Search.DeepestOrder;
        return new Violation(
            stuck,
            completions[..good],
            [.. operations.Where(o => o.Invoked < stuck.Completed && o.Completed >= stuck.Completed && !o.IsUnknown)],
            order,
            StateAfter(order));
    }

    /// <summary>The history as it looked at a position: what had not completed was of unknown outcome.</summary>
    private KeyHistory Prefix(long position)
    {
        var seen = operations
            .Where(o => o.Invoked < position && (o.Completed <= position || o.Function is not (Function.Read or Function.SawOther)))
            .Select(o => o.Completed <= position ? o : o with { Completed = ClientOperation.Never, CompletedAt = null })
            .ToList();
        return new KeyHistory(seen, model(seen));
    }

    private string StateAfter(IReadOnlyList<ClientOperation> order)
    {
        var replay = model(order);
        var state = replay.Initial;
        for (var i = 0; i < order.Count; i++)
        {
            if (replay.TryStep(state, i, out var next))
                state = next;
        }
        return replay.Describe(state);
    }
}
