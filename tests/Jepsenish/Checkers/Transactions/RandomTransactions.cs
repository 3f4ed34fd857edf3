namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>Histories of transactions drawn from a seed: clients of a correct store, some outcomes lost, and ways to falsify what they saw.</summary>
internal static class RandomTransactions
{
    /// <summary>How to draw.</summary>
    /// <param name="Transactions">How many.</param>
    /// <param name="Processes">How many clients are busy at a time.</param>
    /// <param name="Keys">How many keys are in use at a time.</param>
    /// <param name="MostSteps">Up to so many steps a transaction.</param>
    /// <param name="Unknown">Share of transactions whose outcome is lost.</param>
    /// <param name="Aborted">Share of transactions that abort.</param>
    public sealed record Shape(int Transactions, int Processes, int Keys, int MostSteps, double Unknown = 0, double Aborted = 0)
    {
        /// <summary>A key is replaced by a new one after so many appends: histories stay linear in size.</summary>
        public int MostElements { get; init; } = int.MaxValue;

        /// <summary>Registers instead of lists.</summary>
        public bool Registers { get; init; }

        /// <summary>Transactions read the state at their invocation, and abort if a key they write was written since: snapshot isolation.</summary>
        public bool Snapshots { get; init; }
    }

    private sealed record Open(Transaction Transaction, Dictionary<string, int> Snapshot, bool Applied, bool Aborts);

    /// <summary>Draws a history.</summary>
    public static List<Transaction> Draw(Random random, Shape shape)
    {
        var done = new List<Transaction>();
        var open = new List<Open>();
        var lists = new Dictionary<string, List<string>>();
        var keys = Enumerable.Range(0, shape.Keys).Select(k => $"{k}").ToArray();
        var (position, started, element) = (0L, 0, 0);
        while (started < shape.Transactions || open.Count > 0)
        {
            var action = random.Next(3);
            if (action == 0 && started < shape.Transactions && open.Count < shape.Processes)
            {
                var asked = new Transaction { Process = started++, Outcome = Outcome.Unknown, Steps = Steps(), Invoked = position++ };
                open.Add(new Open(asked, lists.ToDictionary(l => l.Key, l => l.Value.Count, shape.Snapshots), false, random.NextDouble() < shape.Aborted));
            }
            else if (action == 1 && open.Exists(o => !o.Applied))
            {
                var at = PickNotApplied(random, open);
                open[at] = open[at].Aborts ? open[at] with { Applied = true } : Apply(open[at]);
            }
            else if (action == 2 && open.Count > 0)
            {
                var at = random.Next(open.Count);
                var lost = random.NextDouble() < shape.Unknown;
                if (!lost && !open[at].Applied)
                    continue;
                var (transaction, aborts) = (open[at].Transaction, open[at].Aborts);
                open.RemoveAt(at);
                done.Add(lost ? Forget(transaction) : transaction with { Outcome = aborts ? Outcome.Aborted : Outcome.Committed, Completed = position++ });
            }
        }
        return [.. done.OrderBy(t => t.Invoked)];

        List<MicroOperation> Steps() => [.. Enumerable.Range(0, random.Next(1, shape.MostSteps + 1)).Select(_ => Step(random.Next(keys.Length)))];

        MicroOperation Step(int key)
        {
            var name = keys[key];
            if (random.Next(2) == 0)
                return new MicroOperation(MicroKind.Read, name, null, null);
            if (++element % shape.MostElements == 0)
                keys[key] = $"{element / shape.MostElements + shape.Keys}";
            return new MicroOperation(shape.Registers ? MicroKind.Write : MicroKind.Append, name, $"{element}", null);
        }

        List<string> ListOf(string key)
        {
            if (!lists.TryGetValue(key, out var list))
                lists.Add(key, list = []);
            return list;
        }

        Open Apply(Open asked)
        {
            var steps = asked.Transaction.Steps;
            int Length(string key) => shape.Snapshots ? asked.Snapshot.GetValueOrDefault(key) : ListOf(key).Count;
            if (shape.Snapshots && steps.Any(s => s.Kind != MicroKind.Read && Length(s.Key) != ListOf(s.Key).Count))
                return asked with { Applied = true, Aborts = true };
            var own = new Dictionary<string, List<string>>();
            var seen = new List<MicroOperation>();
            foreach (var step in steps)
            {
                if (!own.TryGetValue(step.Key, out var mine))
                    own.Add(step.Key, mine = []);
                if (step.Kind != MicroKind.Read)
                    mine.Add(step.Value!);
                List<string> list = step.Kind != MicroKind.Read ? [] : [.. ListOf(step.Key).Take(Length(step.Key)), .. mine];
                seen.Add(step.Kind != MicroKind.Read ? step : shape.Registers ? step with { Value = list.LastOrDefault() } : step with { List = list });
            }
            foreach (var (key, mine) in own)
                ListOf(key).AddRange(mine);
            return asked with { Applied = true, Transaction = asked.Transaction with { Steps = seen } };
        }
    }

    private static Dictionary<string, int> ToDictionary(this Dictionary<string, List<string>> lists, Func<KeyValuePair<string, List<string>>, string> key, Func<KeyValuePair<string, List<string>>, int> count, bool wanted) =>
        wanted ? lists.ToDictionary(key, count) : [];

    private static Transaction Forget(Transaction transaction) =>
        transaction with { Steps = [.. transaction.Steps.Select(s => s.Kind == MicroKind.Read ? s with { Value = null, List = null } : s)] };

    private static int PickNotApplied(Random random, List<Open> open)
    {
        int at;
        do
            at = random.Next(open.Count);
        while (open[at].Applied);
        return at;
    }

    // ---- ways to falsify; null where a history has no place for it

    /// <summary>One read returns something else that was read, or part of it.</summary>
    public static List<Transaction>? Falsify(Random random, List<Transaction> history)
    {
        var reads = Reads(history).ToList();
        if (reads.Count == 0)
            return null;
        var (t, s) = reads[random.Next(reads.Count)];
        var (other, otherStep) = reads[random.Next(reads.Count)];
        var source = history[other].Steps[otherStep];
        var changed = source.List is null ? history[t].Steps[s] with { Value = source.Value } : history[t].Steps[s] with { List = [.. source.List.Take(random.Next(source.List.Count + 1))] };
        return Replace(history, t, s, changed);
    }

    /// <summary>An acknowledged append is in no list any more, though somebody read its list after the acknowledgement.</summary>
    public static List<Transaction>? Lose(Random random, List<Transaction> history)
    {
        var lost = Pick(random, ReadLater(history, anyPlace: true));
        return lost is not { } found ? null : [.. history.Select(t => t with { Steps = [.. t.Steps.Select(s => s.Key == found.Key && s.List is { } list ? s with { List = [.. list.Where(e => e != found.Element)] } : s)] })];
    }

    /// <summary>One read lacks the last element, though its append was acknowledged before.</summary>
    public static List<Transaction>? Stale(Random random, List<Transaction> history) =>
        Pick(random, ReadLater(history, anyPlace: false)) is { } read
            ? Replace(history, read.Transaction, read.Step, history[read.Transaction].Steps[read.Step] with { List = [.. history[read.Transaction].Steps[read.Step].List!.SkipLast(1)] })
            : null;

    /// <summary>One read has two elements in the other order, and another read has them as they were.</summary>
    public static List<Transaction>? Swap(Random random, List<Transaction> history)
    {
        var places = Reads(history).Where(r => history[r.Transaction].Steps[r.Step].List!.Count > 1)
            .GroupBy(r => history[r.Transaction].Steps[r.Step].Key).Where(g => g.Count() > 1).SelectMany(g => g).ToList();
        if (Pick(random, places) is not { } place)
            return null;
        var step = history[place.Transaction].Steps[place.Step];
        var list = step.List!.ToList();
        (list[0], list[1]) = (list[1], list[0]);
        return Replace(history, place.Transaction, place.Step, step with { List = list });
    }

    /// <summary>A transaction is said to have aborted, and its append was read.</summary>
    public static List<Transaction>? Abort(Random random, List<Transaction> history)
    {
        if (Pick(random, ReadLater(history, anyPlace: true)) is not { } read)
            return null;
        return [.. history.Select(t => t.Outcome == Outcome.Committed && t.Steps.Any(s => s.Kind == MicroKind.Append && s.Key == read.Key && s.Value == read.Element) ? t with { Outcome = Outcome.Aborted } : t)];
    }

    private static T? Pick<T>(Random random, List<T> places)
        where T : struct => places.Count == 0 ? null : places[random.Next(places.Count)];

    private static IEnumerable<(int Transaction, int Step)> Reads(List<Transaction> history) =>
        from t in Enumerable.Range(0, history.Count)
        where history[t].Outcome == Outcome.Committed
        from s in Enumerable.Range(0, history[t].Steps.Count)
        where history[t].Steps[s].Kind == MicroKind.Read
        select (t, s);

    /// <summary>Reads of elements that another transaction had been acknowledged for, by transactions that have one step on the key.</summary>
    private static List<(int Transaction, int Step, string Key, string Element)> ReadLater(List<Transaction> history, bool anyPlace)
    {
        var acknowledged = history.Where(t => t.Outcome == Outcome.Committed)
            .SelectMany(t => t.Steps.Where(s => s.Kind == MicroKind.Append).Select(s => (s.Key, s.Value, t.Completed)))
            .ToDictionary(a => (a.Key, a.Value!), a => a.Completed);
        var places = new List<(int, int, string, string)>();
        foreach (var (t, s) in Reads(history))
        {
            var step = history[t].Steps[s];
            if (history[t].Steps.Count(o => o.Key == step.Key) > 1)
                continue;
            foreach (var element in anyPlace ? step.List! : step.List!.TakeLast(1))
            {
                if (acknowledged.TryGetValue((step.Key, element), out var at) && at < history[t].Invoked)
                    places.Add((t, s, step.Key, element));
            }
        }
        return places;
    }

    private static List<Transaction> Replace(List<Transaction> history, int t, int s, MicroOperation step)
    {
        var copy = history.ToList();
        copy[t] = copy[t] with { Steps = [.. copy[t].Steps.Select((old, i) => i == s ? step : old)] };
        return copy;
    }
}
