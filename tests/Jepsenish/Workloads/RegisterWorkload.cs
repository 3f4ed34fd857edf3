using RaftKv.Tests.Jepsenish.Checkers;
using RaftKv.Tests.Jepsenish.Histories;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>
/// Reads, writes and compare-and-sets of a few registers, every written value unique, so that a read says which write it saw.
/// A register retires after some thousands of operations, so that each key's history stays of a size that is checked in moments.
/// </summary>
internal sealed class RegisterWorkload(Recorder recorder, int seed, int registers = 5, int operationsPerRegister = 4000)
{
    private long _operations;
    private long _values;

    /// <summary>Every key that was used.</summary>
    public IEnumerable<string> Keys
    {
        get
        {
            for (var epoch = 0L; epoch <= Interlocked.Read(ref _operations) / (registers * operationsPerRegister); epoch++)
            {
                for (var i = 0; i < registers; i++)
                    yield return Key(epoch, i);
            }
        }
    }

    /// <summary>What a worker runs; its choices come from the seed and its number.</summary>
    public Func<Worker, RespClient, Task> Operations(int worker)
    {
        var random = new Random((seed * 1009) + worker);
        return (self, client) =>
        {
            var key = Key(Interlocked.Increment(ref _operations) / (registers * operationsPerRegister), random.Next(registers));
            return random.Next(10) switch
            {
                < 5 => ReadAsync(self, client, key),
                < 8 => WriteAsync(self, client, key, NewValue()),
                _ => CompareAndSetAsync(self, client, key, NewValue()),
            };
        };
    }

    /// <summary>Reads a register and records it; also used for the final reads.</summary>
    public async Task ReadAsync(Worker self, RespClient client, string key)
    {
        recorder.Add(EventType.Invoke, self.Process, Function.Read, key, null);
        var reply = await Worker.TryAsync(client, "GET", key);
        if (reply is { IsError: false })
        {
            recorder.Add(EventType.Ok, self.Process, Function.Read, key, reply.Text);
            return;
        }
        if (reply is not null)
            recorder.Judge(reply);
        recorder.Add(EventType.Fail, self.Process, Function.Read, key, null);
        if (reply is null)
            throw new ConnectionLostException();
    }

    private async Task WriteAsync(Worker self, RespClient client, string key, string value)
    {
        recorder.Add(EventType.Invoke, self.Process, Function.Write, key, value);
        var reply = await Worker.TryAsync(client, "SET", key, value);
        var outcome = reply is null ? EventType.Info : reply.IsError ? recorder.Judge(reply) : EventType.Ok;
        End(self, outcome, Function.Write, key, value, null, lost: reply is null);
    }

    /// <summary>
    /// WATCH and GET tell what to expect; the operation proper begins with EXEC: if it is done, nobody changed the key since WATCH, so its value was as expected right then.
    /// </summary>
    private async Task CompareAndSetAsync(Worker self, RespClient client, string key, string value)
    {
        var watched = await Worker.TryAsync(client, "WATCH", key) ?? throw new ConnectionLostException();
        var found = await Worker.TryAsync(client, "GET", key) ?? throw new ConnectionLostException();
        if (watched.IsError || found.IsError)
        {
            recorder.Judge(watched.IsError ? watched : found);
            if (await Worker.TryAsync(client, "UNWATCH") is null)
                throw new ConnectionLostException();
            return;
        }
        recorder.Add(EventType.Invoke, self.Process, Function.CompareAndSet, key, value, found.Text);
        if (await Worker.TryAsync(client, "MULTI") is not { IsError: false } || await Worker.TryAsync(client, "SET", key, value) is not { IsError: false })
        {
            // Without EXEC nothing happens; the connection, whatever state it is in, is given up.
            recorder.Add(EventType.Fail, self.Process, Function.CompareAndSet, key, value, found.Text);
            throw new ConnectionLostException();
        }
        var reply = await Worker.TryAsync(client, "EXEC");
        var outcome = reply is null ? EventType.Info : reply.IsError ? recorder.Judge(reply) : reply.IsNil ? EventType.Fail : EventType.Ok;
        if (reply?.Items is [{ IsError: true } inner])
            outcome = recorder.Judge(inner);
        End(self, outcome, Function.CompareAndSet, key, value, found.Text, lost: reply is null);
    }

    private void End(Worker self, EventType outcome, Function function, string key, string value, string? expected, bool lost)
    {
        recorder.Add(outcome, self.Process, function, key, value, expected);
        if (outcome == EventType.Info)
            self.BecomeAnother();
        if (lost)
            throw new ConnectionLostException();
    }

    private string NewValue() => $"v{Interlocked.Increment(ref _values)}";

    private static string Key(long epoch, int register) => $"register-{epoch}-{register}";
}
