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
        if (limits.OnCallersThread)
            keys.ForEach(CheckKey);
        else
            Parallel.ForEach(keys, CheckKey);
        return new Verdict(verdicts);

        void CheckKey((string Key, List<ClientOperation> Operations) key)
        {
            var verdict = new KeyCheck(key.Operations, model, limits).Run(timeUp.Token);
            lock (verdicts)
                verdicts.Add(key.Key, verdict);
            onKey?.Invoke(key.Key, verdict);
        }
    }
}
