namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>
/// Looks for a serial order of transactions on registers that contains a given relation and gives every read what it returned (Biswas and Enea, 2019, algorithm 1, over sets of transactions).
/// A writer may be placed when everybody was placed who reads its keys from one already placed. That depends on the set of the placed alone and not on their order, so each set is visited once.
/// </summary>
internal sealed class SerializationSearch(RegisterLog log, Precedence before)
{
    private readonly int _count = log.Happened.Length;
    private readonly List<string>[] _writes = CollectWrites(log);
    private readonly Dictionary<(string Key, int Writer), List<int>> _readers = log.Reads.GroupBy(r => (r.Key, r.Writer)).ToDictionary(g => g.Key, g => g.Select(r => r.Reader).ToList());
    private readonly int[] _blockers = CollectBlockers(log, before);

    /// <summary>Whether there is an order; null if so many sets were visited and it is still not known.</summary>
    public bool? Run(int effort)
    {
        var start = new Placed(new ulong[(_count + 63) / 64], [.. _blockers], _count);
        for (var t = 0; t < _count; t++)
        {
            if (!log.Happened[t])
                start = start with { Left = start.Left - 1 };
        }
        var seen = new HashSet<ulong[]>(new SameSet());
        var open = new Stack<(Placed Before, int Next)>([(start, -1)]);
        while (open.TryPop(out var step))
        {
            var at = step.Next < 0 ? step.Before : Place(step.Before, step.Next);
            if (at.Left == 0)
                return true;
            if (seen.Count >= effort)
                return null;
            if (!seen.Add(at.Set))
                continue;
            var next = Enumerable.Range(0, _count).Where(t => log.Happened[t] && !at.Has(t) && at.Blockers[t] == 0 && MayWrite(at, t)).ToList();
            // Who only reads is in nobody's way: it is placed without a choice.
            if (next.Exists(t => _writes[t].Count == 0))
                next = [next.First(t => _writes[t].Count == 0)];
            for (var i = next.Count - 1; i >= 0; i--)
                open.Push((at, next[i]));
        }
        return false;
    }

    private bool MayWrite(Placed at, int t)
    {
        foreach (var key in _writes[t])
        {
            foreach (var writer in log.Writers[key])
            {
                if (at.Has(writer) && _readers.TryGetValue((key, writer), out var readers) && readers.Exists(r => r != t && !at.Has(r)))
                    return false;
            }
        }
        return true;
    }

    private Placed Place(Placed at, int t)
    {
        var next = new Placed((ulong[])at.Set.Clone(), (int[])at.Blockers.Clone(), at.Left - 1);
        next.Set[t >> 6] |= 1UL << (t & 63);
        foreach (var after in before.After(t))
            next.Blockers[after]--;
        return next;
    }

    private static List<string>[] CollectWrites(RegisterLog log)
    {
        var writes = new List<string>[log.Happened.Length];
        for (var i = 0; i < writes.Length; i++)
            writes[i] = [];
        foreach (var (key, writers) in log.Writers)
        {
            foreach (var writer in writers)
                writes[writer].Add(key);
        }
        return writes;
    }

    private static int[] CollectBlockers(RegisterLog log, Precedence before)
    {
        var blockers = new int[log.Happened.Length];
        for (var t = 0; t < blockers.Length; t++)
        {
            foreach (var after in before.After(t))
                blockers[after]++;
        }
        return blockers;
    }

    /// <summary>A set of transactions placed first, and for each other how many it still has to wait for.</summary>
    private sealed record Placed(ulong[] Set, int[] Blockers, int Left)
    {
        public bool Has(int t) => (Set[t >> 6] >> (t & 63) & 1) != 0;
    }

    private sealed class SameSet : IEqualityComparer<ulong[]>
    {
        public bool Equals(ulong[]? x, ulong[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(ulong[] obj)
        {
            var hash = new HashCode();
            foreach (var word in obj)
                hash.Add(word);
            return hash.ToHashCode();
        }
    }
}
