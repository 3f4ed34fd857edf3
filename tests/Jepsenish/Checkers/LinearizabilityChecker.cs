namespace RaftKv.Tests.Jepsenish.Checkers;

/// <summary>Decides whether a history is linearizable, key by key.</summary>
public static class LinearizabilityChecker
{
    /// <summary>Checks all keys, as many at a time as there are cores, or one after the other if the limits say so.</summary>
    /// <param name="operations">The operations of a history, in any order.</param>
    /// <param name="model">Makes the object that each key claims to be, from the key's operations in order of invocation.</param>
    /// <param name="limits">How much the check may cost.</param>
    /// <param name="onKey">Called after each key, from any thread unless the limits say otherwise.</param>
    public static Verdict Check(
        IEnumerable<ClientOperation> operations, Func<IReadOnlyList<ClientOperation>, SequentialModel> model, SearchLimits? limits = null, Action<string, KeyVerdict>? onKey = null)
    {
        var keys = operations.GroupBy(o => o.Key).Select(g => (g.Key, Operations: g.OrderBy(o => o.Invoked).ToList())).OrderBy(k => k.Key, StringComparer.Ordinal).ToList();
        limits ??= SearchLimits.Default;
        using var timeUp = new CancellationTokenSource(limits.MaxTime);
        var verdicts = new SortedDictionary<string, KeyVerdict>(StringComparer.Ordinal);
        // All keys are decided before any is explained: an explanation may take longer than many verdicts, and the time is for all of them.
        ForEach(keys, key => Set(key.Key, new KeyCheck(key.Operations, model, limits).Run(timeUp.Token)));
        var violated = verdicts.Where(v => v.Value.Result == Linearizability.Violated).ToDictionary();
        ForEach([.. keys.Where(k => violated.ContainsKey(k.Key))], key => Set(key.Key, violated[key.Key] with { Violation = new KeyCheck(key.Operations, model, limits).Explain() }));
        return new Verdict(verdicts);

        void ForEach(List<(string Key, List<ClientOperation> Operations)> some, Action<(string Key, List<ClientOperation> Operations)> action)
        {
            if (limits.OnCallersThread)
                some.ForEach(action);
            else
                Parallel.ForEach(some, action);
        }

        void Set(string key, KeyVerdict verdict)
        {
            lock (verdicts)
                verdicts[key] = verdict;
            if (verdict.Result != Linearizability.Violated || verdict.Violation is not null)
                onKey?.Invoke(key, verdict);
        }
    }
}
