namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>The orders that do not come from data.</summary>
internal static class OrderEdges
{
    /// <summary>
    /// Real-time precedence, reduced: an edge only from those completed transactions that no other one in between follows (Kingsbury and Alvaro, 2020, section 5.1). Those overlap pairwise,
    /// so there are at most as many edges to a transaction as there are clients; the transitive closure is that of all pairs.
    /// </summary>
    /// <param name="history">The transactions.</param>
    /// <param name="nodes">Which of them happened.</param>
    public static IEnumerable<Dependency> RealTime(IReadOnlyList<Transaction> history, IEnumerable<int> nodes)
    {
        var events = new List<(long Position, int Transaction, bool IsInvocation)>();
        foreach (var node in nodes)
        {
            events.Add((history[node].Invoked, node, true));
            if (history[node].Completed != Transaction.Never)
                events.Add((history[node].Completed, node, false));
        }
        events.Sort((a, b) => a.Position.CompareTo(b.Position));
        // In order of completion, so that those which a transaction follows are in front.
        var latest = new Queue<int>();
        foreach (var (_, node, isInvocation) in events)
        {
            if (isInvocation)
            {
                foreach (var before in latest)
                    yield return new Dependency(before, node, DependencyKind.RealTime);
                continue;
            }
            while (latest.TryPeek(out var oldest) && history[oldest].Completed < history[node].Invoked)
                latest.Dequeue();
            latest.Enqueue(node);
        }
    }

    /// <summary>The order of each process: from a transaction that committed to the next one. One of unknown outcome may take effect after the next.</summary>
    public static IEnumerable<Dependency> Process(IReadOnlyList<Transaction> history, IEnumerable<int> nodes)
    {
        var last = new Dictionary<long, int>();
        foreach (var node in nodes.OrderBy(n => history[n].Invoked))
        {
            if (last.TryGetValue(history[node].Process, out var before))
                yield return new Dependency(before, node, DependencyKind.Process);
            if (history[node].Outcome == Outcome.Committed)
                last[history[node].Process] = node;
        }
    }
}
