namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>
/// Judges histories of transactions that append unique elements to lists and read whole lists, after Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations"
/// (VLDB 2020). A list shows all its versions and their order, so who depends on whom is known, and a model holds unless there is a cycle that it forbids (Adya, 1999).
/// An element that nobody has read was appended after every list read. A transaction of unknown outcome counts as soon as one of its elements was read, and not at all before.
///
/// Invariant: what is reported cannot happen under the model (no false alarms). What is called serializable, in real time or not, is so; what is called snapshot isolated is so if every element was read.
/// Near-linear in the size of the lists read; one thread, no clock, the same findings every time.
/// </summary>
public sealed class ListAppendChecker
{
    private const int MostOfAKind = 3;

    private readonly IReadOnlyList<Transaction> _history;
    private readonly IsolationModel _model;
    private readonly SortedDictionary<string, ListLog> _logs = new(StringComparer.Ordinal);
    private readonly List<Anomaly> _anomalies = [];
    private readonly Dictionary<string, int> _counts = [];
    private readonly bool[] _happened;
    private readonly List<Dependency> _edges = [];
    private int _nodes;

    private ListAppendChecker(IReadOnlyList<Transaction> history, IsolationModel model)
    {
        _history = history;
        _model = model;
        _nodes = history.Count;
        _happened = [.. history.Select(t => t.Outcome == Outcome.Committed)];
    }

    /// <summary>Judges a history.</summary>
    /// <param name="history">The transactions, in any order.</param>
    /// <param name="model">What to hold it against; strict serializability if null.</param>
    /// <exception cref="InvalidDataException">Two appends to a key have the same element, or a step is not of a list.</exception>
    public static TransactionVerdict Check(IReadOnlyList<Transaction> history, IsolationModel? model = null)
    {
        var check = new ListAppendChecker(history, model ?? IsolationModel.StrictSerializable);
        return new TransactionVerdict(check._model, check.Run());
    }

    private List<Anomaly> Run()
    {
        for (var t = 0; t < _history.Count; t++)
            CollectAppends(t);
        for (var t = 0; t < _history.Count; t++)
        {
            if (_happened[t])
                CollectReads(t);
        }
        foreach (var log in _logs.Values)
            CheckReads(log);
        foreach (var log in _logs.Values)
            Connect(log);
        var nodes = Enumerable.Range(0, _history.Count).Where(t => _happened[t]).ToList();
        if (_model.Order >= RequiredOrder.Process)
            _edges.AddRange(OrderEdges.Process(_history, nodes));
        if (_model.Order >= RequiredOrder.RealTime)
            _edges.AddRange(OrderEdges.RealTime(_history, nodes));
        _anomalies.AddRange(new CycleSearch(_history, _nodes, _edges).Find(_model));
        return _anomalies;
    }

    // ---- what the history says

    private void CollectAppends(int t)
    {
        foreach (var step in _history[t].Steps)
        {
            if (step.Kind == MicroKind.Write)
                throw new InvalidDataException($"key {step.Key} is written: a history is of lists or of registers");
            if (step.Kind == MicroKind.Append)
                Log(step.Key).Append(t, step.Value!);
        }
    }

    private void CollectReads(int t)
    {
        var seen = new Dictionary<string, (IReadOnlyList<string>? Before, List<string> Own, int OwnAtRead)>();
        foreach (var step in _history[t].Steps)
        {
            var (before, own, ownAtRead) = seen.TryGetValue(step.Key, out var known) ? known : (null, [], 0);
            if (step.Kind == MicroKind.Append)
            {
                own.Add(step.Value!);
            }
            else if (step.List is { } list)
            {
                var endsWithOwn = EndsWith(list, own, own.Count);
                if (!endsWithOwn || (before is not null && list.Count != before.Count + own.Count - ownAtRead))
                {
                    Report("internal", CycleLevel.Snapshots, $"a transaction does not see what it did and saw itself in key {step.Key}\n  {_history[t]}\n");
                }
                Log(step.Key).Read(new ListRead(t, list, endsWithOwn ? list.Count - own.Count : list.Count));
                (before, ownAtRead) = (list, own.Count);
            }
            seen[step.Key] = (before, own, ownAtRead);
        }
    }

    private static bool EndsWith(IReadOnlyList<string> list, List<string> end, int count)
    {
        if (list.Count < count)
            return false;
        for (var i = 0; i < count; i++)
        {
            if (list[list.Count - count + i] != end[i])
                return false;
        }
        return true;
    }

    // ---- what no read may show

    private void CheckReads(ListLog log)
    {
        CheckElements(log, log.Longest, log.LongestReader);
        foreach (var read in log.Reads)
        {
            if (!log.Agrees(read.List))
            {
                Report(
                    "incompatible-order", CycleLevel.Reads,
                    $"neither of two lists read of key {log.Key} is the beginning of the other\n  {_history[read.Transaction]}\n  {_history[log.LongestReader]}\n");
                CheckElements(log, read.List, read.Transaction);
            }
            if (log.Appends.ContainsKey(read.Transaction) && read.List.Take(read.Version).Any(e => log.Writers.TryGetValue(e, out var own) && own.Transaction == read.Transaction))
                Report("future-read", CycleLevel.Reads, $"a transaction read its own element in key {log.Key} before it appended it, or others behind it\n  {_history[read.Transaction]}\n");
            if (read.Version > 0 && log.Writers.TryGetValue(read.List[read.Version - 1], out var last) && last.Transaction != read.Transaction && last.Nth < log.Appends[last.Transaction])
            {
                Report(
                    "G1b", CycleLevel.Reads,
                    $"an intermediate version was read: key {log.Key} ended with {read.List[read.Version - 1]}, to which its transaction appended more\n  {_history[read.Transaction]}\n  {_history[last.Transaction]}\n");
            }
        }
    }

    private void CheckElements(ListLog log, IReadOnlyList<string> list, int reader)
    {
        var seen = new HashSet<string>();
        var latest = new Dictionary<int, int>();
        foreach (var element in list)
        {
            if (!seen.Add(element))
                Report("duplicate", CycleLevel.Writes, $"{element} is in key {log.Key} twice\n  {_history[reader]}\n");
            if (!log.Writers.TryGetValue(element, out var writer))
            {
                Report("garbage-read", CycleLevel.Writes, $"{element} was read in key {log.Key}, and nobody appended it\n  {_history[reader]}\n");
                continue;
            }
            if (_history[writer.Transaction].Outcome == Outcome.Aborted)
                Report("G1a", CycleLevel.Reads, $"{element} was read in key {log.Key}, and its transaction aborted\n  {_history[reader]}\n  {_history[writer.Transaction]}\n");
            else
                _happened[writer.Transaction] = true;
            if (latest.TryGetValue(writer.Transaction, out var before) && before > writer.Nth)
                Report("reordered", CycleLevel.Writes, $"one transaction's appends are in key {log.Key} in another order\n  {_history[reader]}\n  {_history[writer.Transaction]}\n");
            latest[writer.Transaction] = writer.Nth;
        }
    }

    private void Report(string name, CycleLevel level, string text)
    {
        var count = _counts[name] = _counts.GetValueOrDefault(name) + 1;
        if (count <= MostOfAKind && _model.Forbids(level, RequiredOrder.None))
            _anomalies.Add(new Anomaly(name, text, level));
    }

    // ---- who comes before whom

    private void Connect(ListLog log)
    {
        var trace = log.Longest;
        // At each version, the writer of its last element and of the next one; -1 if that is of no transaction that happened.
        var writers = new int[trace.Count];
        var last = -1;
        for (var i = 0; i < trace.Count; i++)
        {
            writers[i] = log.Writers.TryGetValue(trace[i], out var appended) && _happened[appended.Transaction] ? appended.Transaction : -1;
            if (writers[i] < 0)
                continue;
            Add(last, writers[i], DependencyKind.WriteWrite, log.Key, trace[i]);
            last = writers[i];
        }
        var readersOfAll = new SortedSet<int>();
        foreach (var read in log.Reads.Where(r => log.Agrees(r.List)))
        {
            if (read.Version > 0)
                Add(writers[read.Version - 1], read.Transaction, DependencyKind.WriteRead, log.Key, trace[read.Version - 1]);
            if (read.Version < trace.Count)
                Add(read.Transaction, writers[read.Version], DependencyKind.ReadWrite, log.Key, trace[read.Version]);
            else
                readersOfAll.Add(read.Transaction);
        }
        ConnectUnseen(log, last, readersOfAll);
    }

    private void ConnectUnseen(ListLog log, int last, SortedSet<int> readersOfAll)
    {
        if (log.LongestReader < 0)
            return;
        var seen = new HashSet<string>(log.Longest);
        var unseen = new SortedDictionary<int, string>();
        foreach (var (element, appended) in log.Writers)
        {
            if (_happened[appended.Transaction] && !seen.Contains(element))
                unseen.TryAdd(appended.Transaction, element);
        }
        foreach (var (writer, element) in unseen)
            Add(last, writer, DependencyKind.WriteWrite, log.Key, element);
        // Who reads the list and appends to it must not be reached through a common node: it does not come before itself.
        var both = unseen.Where(u => readersOfAll.Contains(u.Key)).Take(2).ToList();
        if (both.Count == 2)
        {
            Report(
                "lost-update", CycleLevel.Snapshots,
                $"two transactions appended to the same version of key {log.Key}\n  {_history[both[0].Key]}\n  {_history[both[1].Key]}\n");
        }
        foreach (var (writer, element) in both)
        {
            foreach (var reader in readersOfAll)
                Add(reader, writer, DependencyKind.ReadWrite, log.Key, element);
        }
        var common = _nodes++;
        foreach (var reader in readersOfAll)
            Add(reader, common, DependencyKind.ReadWrite, log.Key, null);
        foreach (var (writer, element) in unseen.Where(u => !readersOfAll.Contains(u.Key)))
            Add(common, writer, DependencyKind.Join, log.Key, element);
    }

    private void Add(int from, int to, DependencyKind kind, string key, string? value)
    {
        if (from >= 0 && to >= 0 && from != to)
            _edges.Add(new Dependency(from, to, kind, key, value));
    }

    private ListLog Log(string key)
    {
        if (!_logs.TryGetValue(key, out var log))
            _logs.Add(key, log = new ListLog(key));
        return log;
    }
}
