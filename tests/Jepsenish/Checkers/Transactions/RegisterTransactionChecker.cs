using System.Globalization;
using System.Text;

namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>
/// Judges histories of transactions that read and write registers, every value written at most once to a key. The order of a key's versions is not known here; it is inferred as far as it follows
/// (Biswas and Enea, "On the Complexity of Checking Transactional Consistency", OOPSLA 2019). If t3 read a key from t1, another writer t2 of the key comes before t1 or after t3. So what comes before
/// t3 comes before t1, and what comes after t1 comes after t3.
///
/// Causal consistency is decided by one such step, exactly. Serializability is NP-complete: inference to the end finds most violations; where it leaves a choice, each way is tried, up to a bound on effort.
/// Invariant: neither a violation is reported nor a history called valid that is not so; what exceeds the bounds is undecided. One thread, no clock.
/// </summary>
public sealed class RegisterTransactionChecker
{
    /// <summary>The largest history that is looked at: every pair of transactions takes a bit, and inference is quadratic.</summary>
    public const int MostTransactions = 2_000;

    private readonly IReadOnlyList<Transaction> _history;
    private readonly RegisterLog _log;
    private readonly Precedence _before;

    private RegisterTransactionChecker(IReadOnlyList<Transaction> history)
    {
        _history = history;
        _log = new RegisterLog(history);
        _before = new Precedence(history.Count + 1);
    }

    /// <summary>Judges a history.</summary>
    /// <param name="history">The transactions, in any order.</param>
    /// <param name="model">Causal, serializable, session- or strict-serializable; strict serializability if null.</param>
    /// <param name="effort">How many choices may be tried out.</param>
    /// <exception cref="InvalidDataException">Values are not unique, a step is not of a register, or the model is not one of these.</exception>
    public static TransactionVerdict Check(IReadOnlyList<Transaction> history, IsolationModel? model = null, int effort = 20_000)
    {
        model ??= IsolationModel.StrictSerializable;
        if (model != IsolationModel.Causal && model.Cycles != CycleLevel.All)
            throw new InvalidDataException($"histories of registers are not held against {model.Name}: without the order of versions it cannot be decided in bounds; use causal or serializable, or lists");
        if (history.Count > MostTransactions)
            return new TransactionVerdict(model, []) { IsUndecided = true };
        return new RegisterTransactionChecker(history).Run(model, effort);
    }

    private TransactionVerdict Run(IsolationModel model, int effort)
    {
        if (_log.Anomalies.Count > 0)
            return new TransactionVerdict(model, _log.Anomalies);
        AddGiven(model.Order);
        if (model == IsolationModel.Causal)
            InferOnce();
        else
            InferAll(_before);
        if (_before.IsCyclic)
            return new TransactionVerdict(model, [Explain(model)]);
        if (model == IsolationModel.Causal)
            return new TransactionVerdict(model, []);
        return Search(effort) switch
        {
            true => new TransactionVerdict(model, []),
            false => new TransactionVerdict(model, [new Anomaly("no-order", "every order of the writes was tried, and none explains all that was read\n", CycleLevel.All, model.Order)]),
            null => new TransactionVerdict(model, []) { IsUndecided = true },
        };
    }

    /// <summary>
    /// Tries both ways for a writer that may come before or after a read and its writer, with all that follows, until no choice is left: then every order that contains the relation explains the history.
    /// </summary>
    private bool? Search(int effort)
    {
        var open = new Stack<(Precedence From, (int First, int Second)? Choice)>([(_before, null)]);
        while (open.TryPop(out var next))
        {
            var before = next.From;
            if (next.Choice is var (first, second))
            {
                if (effort-- <= 0)
                    return null;
                before = before.Clone();
                before.Add(first, second, () => "a choice");
                InferAll(before);
                if (before.IsCyclic)
                    continue;
            }
            if (Undecided(before) is not var (read, other))
                return true;
            var (earlier, later) = ((other, read.Writer), (read.Reader, other));
            // The last is tried first: as in the history.
            var isLater = read.Writer == _history.Count || _history[other].Invoked > _history[read.Writer].Invoked;
            open.Push((before, isLater ? earlier : later));
            open.Push((before, isLater ? later : earlier));
        }
        return false;
    }

    private (RegisterRead Read, int Other)? Undecided(Precedence before)
    {
        foreach (var read in _log.Reads)
        {
            foreach (var other in _log.Writers[read.Key])
            {
                if (other != read.Writer && other != read.Reader && !before.Holds(other, read.Writer) && !before.Holds(read.Reader, other))
                    return (read, other);
            }
        }
        return null;
    }

    private void AddGiven(RequiredOrder order)
    {
        var nodes = Enumerable.Range(0, _history.Count).Where(t => _log.Happened[t]).ToList();
        foreach (var t in nodes)
            _before.Add(_history.Count, t, () => "the beginning");
        foreach (var read in _log.Reads)
            _before.Add(read.Writer, read.Reader, () => $"the second read {read.Value ?? "null"} of key {read.Key}, which the first wrote");
        if (order >= RequiredOrder.Process)
        {
            foreach (var edge in OrderEdges.Process(_history, nodes))
                _before.Add(edge.From, edge.To, () => $"process {_history[edge.From].Process} did one after the other");
        }
        if (order >= RequiredOrder.RealTime)
        {
            foreach (var edge in OrderEdges.RealTime(_history, nodes))
                _before.Add(edge.From, edge.To, () => "the first was completed when the second was invoked");
        }
    }

    /// <summary>What follows from what was given, and not from what followed: causality orders only writes that somebody knew of.</summary>
    private void InferOnce()
    {
        var inferred = new List<(RegisterRead Read, int Other)>();
        foreach (var read in _log.Reads)
            inferred.AddRange(_log.Writers[read.Key].Where(w => w != read.Writer && w != read.Reader && _before.Holds(w, read.Reader)).Select(w => (read, w)));
        foreach (var (read, other) in inferred)
            _before.Add(other, read.Writer, () => WhyBefore(read));
    }

    private void InferAll(Precedence before)
    {
        bool changed;
        do
            changed = InferMore(before);
        while (changed && !before.IsCyclic);
    }

    private bool InferMore(Precedence before)
    {
        var any = false;
        foreach (var read in _log.Reads)
        {
            foreach (var other in _log.Writers[read.Key])
            {
                if (other == read.Writer || other == read.Reader)
                    continue;
                if (before.Holds(other, read.Reader))
                    any |= before.Add(other, read.Writer, () => WhyBefore(read));
                if (before.Holds(read.Writer, other))
                    any |= before.Add(read.Reader, other, () => $"the second wrote key {read.Key} after the writer of {read.Value ?? "null"}, which the first read");
                if (before.IsCyclic)
                    return true;
            }
        }
        return any;
    }

    private string WhyBefore(RegisterRead read) =>
        $"the first wrote key {read.Key} before process {_history[read.Reader].Process} (event {_history[read.Reader].Invoked}) read there {read.Value ?? "null"} of the second";

    private Anomaly Explain(IsolationModel model)
    {
        var graph = new Digraph(_history.Count + 1, [.. _before.Edges.Select((e, i) => (e.From, e.To, i))]);
        var cycle = graph.ShortestCycle(graph.Knots()[0]).Select(e => _before.Edges[e]).ToList();
        var text = new StringBuilder($"{cycle.Count} transactions that each come before the next\n");
        foreach (var (node, number) in cycle.Select((e, i) => (e.From, i + 1)))
            text.Append(CultureInfo.InvariantCulture, $"  T{number} = {(node == _history.Count ? "the beginning, where all keys are absent" : _history[node])}\n");
        for (var i = 0; i < cycle.Count; i++)
            text.Append(CultureInfo.InvariantCulture, $"  T{i + 1} before T{((i + 1) % cycle.Count) + 1}: {cycle[i].Reason}\n");
        return new Anomaly("cycle", text.ToString(), model.Cycles, model.Order);
    }
}
