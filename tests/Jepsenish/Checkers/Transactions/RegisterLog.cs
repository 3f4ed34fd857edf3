namespace RaftKv.Tests.Jepsenish.Checkers.Transactions;

/// <summary>A transaction read from another what that had written to a key.</summary>
internal readonly record struct RegisterRead(int Reader, int Writer, string Key, string? Value);

/// <summary>
/// Who wrote and who read what, in a history of registers whose values are unique for each key. The value of an absent key was written by a transaction before all others, the one numbered as many as there are.
/// </summary>
internal sealed class RegisterLog
{
    private readonly IReadOnlyList<Transaction> _history;
    private readonly Dictionary<(string Key, string Value), (int Transaction, int Nth)> _values = [];
    private readonly Dictionary<(int Transaction, string Key), int> _writes = [];

    /// <summary>Reads a history.</summary>
    /// <exception cref="InvalidDataException">Two writes to a key have the same value, or a step is not of a register.</exception>
    public RegisterLog(IReadOnlyList<Transaction> history)
    {
        _history = history;
        Happened = [.. history.Select(t => t.Outcome == Outcome.Committed), true];
        for (var t = 0; t < history.Count; t++)
            CollectWrites(t);
        for (var t = 0; t < history.Count; t++)
        {
            if (history[t].Outcome == Outcome.Committed)
                CollectReads(t);
        }
        foreach (var (t, key) in _writes.Keys.Where(w => Happened[w.Transaction]))
            WritersOf(key).Add(t);
        foreach (var key in Reads.Select(r => r.Key).Distinct())
            WritersOf(key).Add(history.Count);
    }

    /// <summary>What no order can explain.</summary>
    public List<Anomaly> Anomalies { get; } = [];

    /// <summary>Which transactions count.</summary>
    public bool[] Happened { get; }

    /// <summary>What was read of other transactions.</summary>
    public List<RegisterRead> Reads { get; } = [];

    /// <summary>Who wrote each key.</summary>
    public Dictionary<string, SortedSet<int>> Writers { get; } = [];

    private void CollectWrites(int t)
    {
        foreach (var step in _history[t].Steps)
        {
            if (step.Kind == MicroKind.Append || step.List is not null)
                throw new InvalidDataException($"key {step.Key} is a list: a history is of lists or of registers");
            if (step.Kind != MicroKind.Write)
                continue;
            var nth = _writes[(t, step.Key)] = _writes.GetValueOrDefault((t, step.Key)) + 1;
            if (step.Value is null || !_values.TryAdd((step.Key, step.Value), (t, nth)))
                throw new InvalidDataException($"{step.Value ?? "null"} is written twice to key {step.Key}: the check needs values that are unique");
        }
    }

    private void CollectReads(int t)
    {
        var known = new Dictionary<string, string?>();
        foreach (var step in _history[t].Steps)
        {
            if (step.Kind == MicroKind.Read)
            {
                if (!known.TryGetValue(step.Key, out var expected))
                    Read(t, step.Key, step.Value);
                else if (expected != step.Value)
                    Anomalies.Add(new Anomaly("internal", $"a transaction does not see what it did and saw itself in key {step.Key}\n  {_history[t]}\n", CycleLevel.Reads));
            }
            known[step.Key] = step.Value;
        }
    }

    private void Read(int t, string key, string? value)
    {
        if (value is null)
        {
            Reads.Add(new RegisterRead(t, _history.Count, key, value));
            return;
        }
        if (!_values.TryGetValue((key, value), out var writer))
        {
            Anomalies.Add(new Anomaly("garbage-read", $"{value} was read in key {key}, and nobody wrote it\n  {_history[t]}\n", CycleLevel.Writes));
            return;
        }
        var source = _history[writer.Transaction];
        if (source.Outcome == Outcome.Aborted)
            Anomalies.Add(new Anomaly("G1a", $"{value} was read in key {key}, and its transaction aborted\n  {_history[t]}\n  {source}\n", CycleLevel.Reads));
        else if (writer.Transaction == t)
            Anomalies.Add(new Anomaly("internal", $"{value} was read in key {key} before it was written\n  {source}\n", CycleLevel.Reads));
        else if (writer.Nth < _writes[(writer.Transaction, key)])
            Anomalies.Add(new Anomaly("G1b", $"an intermediate value was read: {value} of key {key}\n  {_history[t]}\n  {source}\n", CycleLevel.Reads));
        else
            Reads.Add(new RegisterRead(t, writer.Transaction, key, value));
        Happened[writer.Transaction] |= source.Outcome == Outcome.Unknown;
    }

    private SortedSet<int> WritersOf(string key)
    {
        if (!Writers.TryGetValue(key, out var writers))
            Writers.Add(key, writers = []);
        return writers;
    }
}
