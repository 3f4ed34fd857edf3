using System.Globalization;
using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;

namespace RaftKv.Tests.Jepsenish.Simulation.Clients;

/// <summary>Reads, writes, compare-and-sets and appends of single keys, every written value unique. Linearizable, key by key; an append takes effect once.</summary>
internal sealed class RegisterWorkload(Cluster cluster) : IWorkload
{
    /// <summary>Operations after which keys are left for new ones: long values would cost more than they could tell.</summary>
    private const int Lifetime = 1000;

    private long _values;
    private int _operations;

    /// <inheritdoc/>
    public async Task StepAsync(Client client)
    {
        var choice = client.OnlyReads ? 0 : client.Random.Below(12);
        var number = string.Create(CultureInfo.InvariantCulture, $"{_operations++ / Lifetime}.{client.Random.Below(cluster.Options.Keys)}");
        if (choice < 3)
            await ReadAsync(client, $"r{number}");
        else if (choice < 6 && client.WritesLarge())
            await WriteLargeAsync(client, $"r{number}");
        else if (choice < 6)
            await WriteAsync(client, $"r{number}");
        else if (choice < 8)
            await CompareAndSetAsync(client, $"r{number}");
        else if (choice < 9)
            await ReadAsync(client, $"a{number}");
        else
            await AppendAsync(client, $"a{number}");
    }

    /// <inheritdoc/>
    public async Task FinishAsync(Client client)
    {
        for (var generation = 0; generation <= _operations / Lifetime; generation++)
        {
            for (var i = 0; i < cluster.Options.Keys; i++)
            {
                await ReadAsync(client, $"r{generation}.{i}");
                await ReadAsync(client, $"a{generation}.{i}");
            }
        }
    }

    /// <inheritdoc/>
    public void Check()
    {
        foreach (var key in cluster.History.Operations.GroupBy(o => o.Key))
        {
            var operations = key.OrderBy(o => o.Invoked).ToList();
            if (operations.Exists(o => o.Function == Function.Append))
            {
                if (AppendOrder.Check(operations, ';') is { } wrong)
                    throw new SimulationViolationException($"key {key.Key}: {wrong}");
                continue;
            }

            var verdict = LinearizabilityChecker.Check(operations, o => new RegisterModel(o), SearchLimits.Deterministic()).Keys[key.Key];
            if (verdict.Result == Linearizability.Violated)
                throw new SimulationViolationException($"key {key.Key} is not linearizable\n{Explanation.Of(key.Key, verdict.Violation!)}");
            if (verdict.Result == Linearizability.Undecided)
                throw new SimulationViolationException($"key {key.Key}: its linearizability could not be decided after {verdict.Explored} configurations");
        }
    }

    private string KeyOf(Client client, string key) => string.Create(CultureInfo.InvariantCulture, $"g{client.Group}:{key}");

    private async Task ReadAsync(Client client, string key)
    {
        var invoked = cluster.History.Invoke();
        // Sometimes as one of many, of which the others are large: reads for whose results there is no room at once are put off, not out of order, and not for ever.
        var asked = await client.AskAllAsync(client.WritesLarge() ? [.. Enumerable.Repeat<string[]>(["GET", $"l{key}"], client.LargeChoice(1, 8)), ["GET", key], ["STRLEN", $"l{key}"]] : [["GET", key]]);
        var reply = asked is { Count: > 1 } ? asked[^2] : asked?[0];
        var outcome = Client.Judge(reply);
        cluster.History.Add(client.Identity, KeyOf(client, key), Function.Read, reply?.Text, null, invoked, outcome == EventType.Ok ? outcome : EventType.Fail);
    }

    private async Task WriteAsync(Client client, string key)
    {
        var value = NewValue(client);
        var invoked = cluster.History.Invoke();
        var reply = await client.AskAsync("SET", key, value);
        End(client, key, Function.Write, value, null, invoked, Client.Judge(reply));
    }

    /// <summary>One entry of several large values, or one with a result of several: commands, entries and answers near the longest frame, and beyond it.</summary>
    private async Task WriteLargeAsync(Client client, string key)
    {
        var value = NewValue(client);
        List<string[]> requests = [["MULTI"], ["SET", key, value]];
        for (var i = client.LargeChoice(1, 4); i > 0; i--)
            requests.Add(["SET", $"l{key}", value.PadRight(cluster.Options.LargeBytes, 'l')]);
        for (var i = client.LargeChoice(0, 6); i > 0; i--)
            requests.Add(["GET", $"l{key}"]);
        requests.Add(["EXEC"]);
        var invoked = cluster.History.Invoke();
        var replies = await client.AskAllAsync(requests);
        var results = replies?[^1].Items;
        if (results is not null && results.Any(r => !r.IsError && r.Text != "OK" && r.Text != value.PadRight(cluster.Options.LargeBytes, 'l')))
            throw new SimulationViolationException($"a transaction reads from l{key} what it has not written there");
        End(client, key, Function.Write, value, null, invoked, Client.Judge(replies?[^1]));
    }

    private async Task AppendAsync(Client client, string key)
    {
        var value = string.Create(CultureInfo.InvariantCulture, $"{++_values};");
        var invoked = cluster.History.Invoke();
        var reply = await client.AskAsync("APPEND", key, value);
        End(client, key, Function.Append, value, null, invoked, Client.Judge(reply));
    }

    /// <summary>EXEC is done only if nobody changed the key since WATCH, so its value was as expected right then.</summary>
    private async Task CompareAndSetAsync(Client client, string key)
    {
        var seen = await client.AskAllAsync([["WATCH", key], ["GET", key]]);
        if (seen is null || seen.Any(r => r.IsError))
        {
            client.Disconnect();
            return;
        }

        var value = NewValue(client);
        var invoked = cluster.History.Invoke();
        var replies = await client.AskAllAsync([["MULTI"], ["SET", key, value], ["EXEC"]]);
        var outcome = replies switch
        {
            null => EventType.Info,
            [_, _, { IsError: false, IsNil: true }] => EventType.Fail,
            [_, _, { Items: [{ IsError: true } inner] }] => Client.Judge(inner),
            [_, _, var last] => Client.Judge(last),
            _ => EventType.Info,
        };
        End(client, key, Function.CompareAndSet, value, seen[1].Text, invoked, outcome);
    }

    private void End(Client client, string key, Function function, string value, string? expected, (long, long) invoked, EventType outcome)
    {
        cluster.History.Add(client.Identity, KeyOf(client, key), function, value, expected, invoked, outcome);
        if (outcome == EventType.Info)
            client.BecomeAnother();
    }

    private string NewValue(Client client) =>
        string.Create(CultureInfo.InvariantCulture, $"{++_values}").PadRight(client.Random.Between(1, cluster.Options.ValueBytes), 'x');
}
