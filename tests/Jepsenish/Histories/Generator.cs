using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Checkers.Transactions;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>Correct histories from a seed, as lines of a file.</summary>
internal static class Generator
{
    private const int Keys = 100, Clients = 10;
    private const double Unknown = 0.02;

    /// <summary>Draws a history of single operations on registers ("register") or of transactions on lists ("list-append").</summary>
    public static IEnumerable<string> Draw(string kind, int count, int seed)
    {
        var random = new Random(seed);
        if (kind == "list-append")
            return TransactionFile.Write(RandomTransactions.Draw(random, new RandomTransactions.Shape(count, Clients, Keys, 4, Unknown, Unknown) { MostElements = 100 }));
        return Enumerable.Range(0, Keys).SelectMany(k => Lines(RandomHistory.Draw(random, new RandomHistory.Shape(count / Keys, Clients, 0, Unknown), $"k{k}"), k));
    }

    // One process a key and operation: the keys' histories follow each other, and no process has two things open.
    private static IEnumerable<string> Lines(List<ClientOperation> operations, int key) =>
        operations
            .SelectMany(o => new[] { (o.Invoked, Type: EventType.Invoke, Operation: o), (Invoked: o.Completed, Type: EventType.Ok, Operation: o) })
            .Where(e => e.Invoked != ClientOperation.Never)
            .OrderBy(e => e.Invoked)
            .Select(e => JsonHistory.Write(new HistoryEvent(
                e.Type, (e.Operation.Process * Keys) + key, e.Operation.Function, e.Operation.Key,
                e.Type == EventType.Invoke && e.Operation.Function == Function.Read ? null : JsonHistory.Value(e.Operation.Value), JsonHistory.Value(e.Operation.Expected), null)));
}
