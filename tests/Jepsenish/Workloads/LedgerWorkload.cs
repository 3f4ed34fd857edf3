using System.Collections.Concurrent;
using System.Globalization;
using RaftKv.Tests.Jepsenish.Histories;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>
/// What was acknowledged must be there at the end. Unique keys, each written once: every acknowledged one is present, with its value. Counters: each acknowledged increment counted exactly once,
/// each of unknown outcome at most once.
/// </summary>
internal sealed class LedgerWorkload(Recorder recorder, int seed, int counters = 3)
{
    private readonly ConcurrentDictionary<string, string> _acknowledged = new();
    private readonly ConcurrentDictionary<(int Counter, string Value), bool> _returned = new();
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly long[] _done = new long[counters];
    private readonly long[] _unknown = new long[counters];
    private long _keys;
    private long _unknownInserts;

    /// <summary>How many writes were acknowledged.</summary>
    public long Acknowledged => _acknowledged.Count + _done.Sum();

    /// <summary>What a worker runs.</summary>
    public Func<Worker, RespClient, Task> Operations(int worker)
    {
        var random = new Random((seed * 1009) + 500 + worker);
        return (_, client) => random.Next(2) == 0 ? IncrementAsync(client, random.Next(counters)) : InsertAsync(client);
    }

    /// <summary>Compares the end, as one node tells it, with what was acknowledged: one sentence for each thing that is wrong.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">There was no reply in time.</exception>
    public async Task<IReadOnlyList<string>> VerifyAsync(string node, RespClient client)
    {
        var problems = _problems.ToList();
        foreach (var chunk in _acknowledged.ToArray().Chunk(500))
        {
            var replies = await client.AskAsync([.. chunk.Select(c => new[] { "GET", c.Key })]);
            for (var i = 0; i < chunk.Length; i++)
            {
                if (replies[i].IsError)
                    throw new IOException($"GET {chunk[i].Key} on {node}: {replies[i].Text}");
                if (replies[i].Text != chunk[i].Value)
                    problems.Add($"{node}: {chunk[i].Key}={chunk[i].Value} was acknowledged, at the end there is {replies[i].Text ?? "nothing"}");
            }
        }
        for (var i = 0; i < counters; i++)
        {
            var reply = await client.AskAsync("GET", Counter(i));
            if (reply.IsError)
                throw new IOException($"GET {Counter(i)} on {node}: {reply.Text}");
            var value = long.Parse(reply.Text ?? "0", CultureInfo.InvariantCulture);
            if (value < _done[i] || value > _done[i] + _unknown[i])
                problems.Add($"{node}: {Counter(i)} is {value} after {_done[i]} acknowledged increments and {_unknown[i]} of unknown outcome");
        }
        return problems;
    }

    private async Task InsertAsync(RespClient client)
    {
        var number = Interlocked.Increment(ref _keys);
        var (key, value) = ($"unique-{number}", $"{seed}-{number}");
        var reply = await Worker.TryAsync(client, "SET", key, value);
        if (reply is { IsError: false })
            _acknowledged[key] = value;
        Count("insert", reply, ref _unknownInserts);
    }

    private async Task IncrementAsync(RespClient client, int counter)
    {
        var reply = await Worker.TryAsync(client, "INCR", Counter(counter));
        if (reply is { IsError: false })
        {
            Interlocked.Increment(ref _done[counter]);
            // Two increments that return the same number cannot both have counted.
            if (!_returned.TryAdd((counter, reply.Text!), true))
                _problems.Enqueue($"{Counter(counter)}: two increments returned {reply.Text}");
        }
        Count("increment", reply, ref _unknown[counter]);
    }

    private void Count(string kind, RespReply? reply, ref long unknown)
    {
        var outcome = reply is null ? EventType.Info : reply.IsError ? recorder.Judge(reply) : EventType.Ok;
        recorder.Count(kind, outcome);
        if (outcome == EventType.Info)
            Interlocked.Increment(ref unknown);
        if (reply is null)
            throw new ConnectionLostException();
    }

    private static string Counter(int counter) => $"counter-{counter}";
}
