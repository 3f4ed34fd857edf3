using System.Globalization;
using RaftKv.Tests.Jepsenish.Checkers.Transactions;
using RaftKv.Tests.Jepsenish.Histories;
using RaftKv.Tests.Jepsenish.Workloads;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>Transactions of appends to and reads of lists (strings of numbers), for the list-append checker.</summary>
internal sealed class ListWorkload(Cluster cluster) : IWorkload
{
    /// <summary>Transactions after which lists are left for new ones: long lists would cost more than they could tell.</summary>
    private const int Lifetime = 200;

    private int _values;
    private int _transactions;

    /// <inheritdoc/>
    public async Task StepAsync(Client client)
    {
        var generation = _transactions++ / Lifetime;
        var steps = new List<(string Key, int? Value)>();
        for (var i = client.Random.Between(1, 4); i > 0; i--)
            steps.Add((Key(generation, client.Random.Below(cluster.Options.Keys)), client.Random.Chance(500) ? ++_values : null));
        await RunAsync(client, steps);
    }

    /// <inheritdoc/>
    public async Task FinishAsync(Client client)
    {
        for (var generation = 0; generation <= _transactions / Lifetime; generation++)
            await RunAsync(client, [.. Enumerable.Range(0, cluster.Options.Keys).Select(i => (Key(generation, i), (int?)null))]);
    }

    /// <inheritdoc/>
    public void Check()
    {
        var verdict = ListAppendChecker.Check(cluster.History.Transactions);
        if (!verdict.IsValid)
            throw new SimulationViolationException($"transactions are not strictly serializable: {string.Join("\n", verdict.Anomalies)}");
    }

    private static string Key(int generation, int number) => string.Create(CultureInfo.InvariantCulture, $"l{generation}.{number}");

    private async Task RunAsync(Client client, List<(string Key, int? Value)> steps)
    {
        var invoked = cluster.History.Position();
        var replies = await client.AskAllAsync(
            [["MULTI"], .. steps.Select(s => s.Value is { } v ? new[] { "APPEND", s.Key, string.Create(CultureInfo.InvariantCulture, $"{v} ") } : ["GET", s.Key]), ["EXEC"]]);
        var outcome = Client.Judge(replies?[^1]);
        cluster.History.Count("transaction", outcome);
        var seen = outcome == EventType.Ok ? replies![^1].Items! : [];
        cluster.History.Transactions.Add(new Transaction
        {
            Process = client.Identity,
            Outcome = outcome switch { EventType.Ok => Outcome.Committed, EventType.Fail => Outcome.Aborted, _ => Outcome.Unknown },
            Steps = [.. steps.Select((s, i) => Step($"g{client.Group}:{s.Key}", s.Value, i < seen.Count ? seen[i] : null))],
            Invoked = invoked,
            Completed = outcome == EventType.Info ? Transaction.Never : cluster.History.Position(),
        });
        if (outcome == EventType.Info)
            client.BecomeAnother();
    }

    private static MicroOperation Step(string key, int? appended, RespReply? seen) => appended is { } value
        ? MicroOperation.Append(key, value.ToString(CultureInfo.InvariantCulture))
        : MicroOperation.Read(key, seen is null ? null : (seen.Text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
