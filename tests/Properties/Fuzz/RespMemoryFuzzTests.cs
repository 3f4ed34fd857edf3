using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Engine.Buffers;
using RaftKv.Hosting;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.Io;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>
/// Sizes times counts: few bytes that ask for many, from several clients of which some take nothing. Every case asks for a multiple of what may be held; what is really held is measured, by the collector,
/// while nothing moves any more. Each connection still answers whole replies, or was disconnected.
/// </summary>
[Collection(nameof(MeasuresMemory))]
public class RespMemoryFuzzTests
{
    /// <summary>The collector counts what the whole process holds, so nothing else may run meanwhile.</summary>
    [CollectionDefinition(nameof(MeasuresMemory), DisableParallelization = true)]
    public class MeasuresMemory;

    private const int Value = 32 << 10, Clients = 6, Pipe = 64 << 10;
    private const long MaxMemory = 1 << 20;

    /// <summary>What clients may hold; for each of them what it may hold without telling, its pipe and one reply more than there was room for; and what pools keep and the test itself needs.</summary>
    private const long Bound = MaxMemory + (Clients * (ClientMemory.Step + (2 * Pipe) + (16 * Value))) + (24 << 20);

    private static readonly RespLimits Limits = new()
    {
        MaxKeyBytes = 1024, MaxValueBytes = Value, MaxCommandBytes = 2 * Value, MaxArguments = 4096, MaxPendingOperations = 1024, OutputHighWater = 8 << 10, MaxQueuedBytes = 2 * Value,
        MaxPendingBytes = 4 * Value, MaxReplyBytes = 4 * Value, MaxWriteReplyBytes = 8 * Value, MaxImmediateBytes = 8 * Value, MaxWatchedKeys = 200, MaxWatchedBytes = 16 << 10,
    };

    [Fact]
    public void Memory_stays_bounded_whatever_clients_ask_for_and_do_not_take()
    {
        long most = 0, asked = 0;
        foreach (var seed in CaseCount.Seeds(15))
        {
            try
            {
                var (held, wanted) = Play(seed);
                most = Math.Max(most, held);
                asked += wanted;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"RAFTKV_SEED={seed}: {e.Message}", e);
            }
        }

        Assert.InRange(asked, MaxMemory, long.MaxValue);
    }

    private static (long Held, long Wanted) Play(ulong seed)
    {
        var random = new SeededRandom(seed);
        using var executor = new MemoryExecutor(MemoryExecutorMode.Manual) { Time = 1_000_000, HasLease = random.Below(2) == 0 };
        var cluster = new ClusterDescription([new("n1", "a:1", true)], 1, [new(1, "n1", 3, 10, 10, ["n1"], [])]);
        var server = new RespServer(new ServerContext(executor, new SingleGroupRouter(1), () => cluster, NullLogger.Instance) { Limits = Limits }, static item => item.Execute(), MaxMemory);
        var clients = Enumerable.Range(0, Clients).Select(i => new Client(server, executor, takesNothing: random.Below(2) == 0)).ToList();
        clients[0].Send(string.Concat(Enumerable.Range(0, 4).Select(i => Encode("SETRANGE", $"k{i}", $"{Value - 1}", "x"))));
        executor.Turn();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long wanted = 0, most = 0;
        for (var step = 0; step < 40; step++)
        {
            var client = clients[random.Below(Clients)];
            var request = Request(random, out var reply);
            wanted += reply;
            client.Send(request);
            for (var turns = random.Below(4); turns > 0; turns--)
                executor.Turn();
            foreach (var other in clients)
                other.TakeSome();
            if (step % 20 != 19)
                continue;
            while (executor.Waiting > 0)
            {
                executor.Turn();
                foreach (var other in clients)
                    other.TakeSome();
            }

            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before - clients.Sum(c => c.Unsent) - LargeArrays.KeptBytes);
            Assert.InRange(most, long.MinValue, Bound);
        }

        foreach (var client in clients)
            client.Finish();
        Assert.All(clients, c => Assert.True(c.IsClosed, "a connection is still open after its client has gone and has been answered"));
        Assert.Equal(0, server.Memory.Used);
        foreach (var client in clients)
            client.Dispose();
        return (most, wanted);
    }

    private static string Request(SeededRandom random, out long reply)
    {
        var count = new[] { 1, 60, 300, 1000 }[random.Below(4)];
        var keys = Enumerable.Range(0, count).Select(_ => $"k{random.Below(5)}").ToArray();
        reply = (long)count * Value;
        switch (random.Below(8))
        {
            case 0:
                return string.Concat(keys.Select(k => Encode("GET", k)));
            case 1:
                return Encode(["MGET", .. keys]);
            case 2:
                return Encode("MULTI") + string.Concat(keys.Select(k => random.Below(5) == 0 ? Encode("GETEX", k, "PERSIST") : Encode("GET", k))) + Encode("EXEC");
            case 3:
                return Encode(["WATCH", .. keys.Select((k, i) => $"{k}{new string('w', 100)}{i}")]);
            case 4:
                return string.Concat(keys.Select(k => Encode("GETEX", k, "EX", "100")));
            case 5:
                return string.Concat(keys.Select(k => Encode("SETRANGE", k, $"{Value - 1}", "y")));
            case 6:
                return Encode("MULTI") + string.Concat(keys.Select(_ => Encode("COMMAND"))) + Encode("EXEC");
            default:
                reply = Value;
                return Encode("SET", "k4", new string('v', Value))[..^(1 + random.Below(Value))];
        }
    }

    private static string Encode(params string[] words) => $"*{words.Length}\r\n" + string.Concat(words.Select(w => $"${w.Length}\r\n{w}\r\n"));

    private sealed class Client : IDisposable
    {
        private readonly Pipe _input = new(Options(Pipe));
        private readonly Pipe _output = new(Options(Pipe));
        private readonly Queue<byte[]> _unsent = new();
        private readonly MemoryExecutor _executor;
        private readonly bool _takesNothing;
        private readonly RespConnection _connection;
        private readonly Action _closeSession;
        private Task _sending = Task.CompletedTask;

        public Client(RespServer server, MemoryExecutor executor, bool takesNothing)
        {
            (_executor, _takesNothing) = (executor, takesNothing);
            var client = server.Open("client:1", "node:1");
            _connection = new RespConnection(server, new Duplex(_input.Reader, _output.Writer), server.PumpOf(client), client);
            _closeSession = () => server.Close(client);
            _connection.Start();
        }

        public bool IsClosed => _connection.Closed.IsCompleted;

        /// <summary>Bytes that wait at the client.</summary>
        public long Unsent => _unsent.Sum(b => (long)b.Length);

        public void Send(string text)
        {
            _unsent.Enqueue(Encoding.Latin1.GetBytes(text));
            SendOn();
        }

        public void TakeSome()
        {
            if (!_takesNothing)
                Take();
            SendOn();
            if (!IsClosed)
                return;
            // As the socket's owner does.
            _output.Writer.Complete();
            _output.Reader.Complete();
        }

        public void Finish()
        {
            _unsent.Clear();
            if (!IsClosed)
                _input.Writer.Complete();
            for (var idle = 0; !IsClosed && idle < 100; idle++)
            {
                if (Take() || _executor.Waiting > 0)
                    idle = 0;
                _executor.Turn();
            }

            _closeSession();
        }

        public void Dispose() => _connection.Dispose();

        private void SendOn()
        {
            while (_sending.IsCompleted && !IsClosed && _unsent.TryDequeue(out var bytes))
                _sending = _input.Writer.WriteAsync(bytes).AsTask();
            if (IsClosed)
                _unsent.Clear();
        }

        private bool Take()
        {
            if (IsClosed || !_output.Reader.TryRead(out var result))
                return false;
            var any = !result.Buffer.IsEmpty;
            _output.Reader.AdvanceTo(result.Buffer.End);
            return any;
        }

        private static PipeOptions Options(long pause) =>
            new(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: pause, resumeWriterThreshold: pause / 2, useSynchronizationContext: false);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
