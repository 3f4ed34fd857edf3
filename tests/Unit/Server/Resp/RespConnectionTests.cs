using System.Text;
using RaftKv.Consensus.Groups;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.Store;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

public sealed class RespConnectionTests
{
    private static string Encode(params string[] arguments) => RespFixture.Client.Encode(arguments);

    [Fact]
    public void Writes_that_arrive_together_are_submitted_together_and_answered_in_order()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        Assert.Equal("", client.Send(Encode("SET", "a", "1") + Encode("INCR", "a") + Encode("INCR", "a") + Encode("DEL", "a")));
        Assert.Equal(4, fixture.Executor.Waiting);
    }

    [Fact]
    public async Task Replies_of_a_batch_come_back_through_the_pump_in_order()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        client.Send(Encode("SET", "a", "1") + Encode("INCR", "a") + Encode("INCR", "a"));
        fixture.Executor.Turn();
        Assert.Equal("+OK\r\n:2\r\n:3\r\n", await client.ReceiveAsync(13));
    }

    [Fact]
    public async Task A_read_waits_for_the_writes_before_it()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        client.Send(Encode("SET", "a", "1") + Encode("GET", "a") + Encode("SET", "a", "2") + Encode("GET", "a"));
        Assert.Equal(1, fixture.Executor.Waiting);
        fixture.Executor.Turn();
        Assert.Equal("+OK\r\n$1\r\n1\r\n", await client.ReceiveAsync(12));
        Assert.Equal(1, fixture.Executor.Waiting);
        fixture.Executor.Turn();
        Assert.Equal("+OK\r\n$1\r\n2\r\n", await client.ReceiveAsync(12));
    }

    [Fact]
    public void Without_a_lease_several_reads_are_under_way_at_once()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        fixture.Executor.HasLease = false;
        var client = fixture.Connect();
        client.Send(Encode("GET", "a") + Encode("GET", "b") + Encode("TTL", "c"));
        Assert.Equal(3, fixture.Executor.Waiting);
    }

    [Fact]
    public async Task Operations_that_end_out_of_order_are_answered_in_order_and_none_is_left_behind()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        client.Send(Encode("SET", "a", "1") + Encode("SET", "b", "2") + Encode("INCR", "a"));
        fixture.Executor.TurnLast();
        await PassThroughPump();
        Assert.Equal("", client.Received());
        fixture.Executor.TurnLast();
        fixture.Executor.TurnLast();
        await PassThroughPump();
        Assert.Equal("+OK\r\n+OK\r\n:1\r\n", client.Received());

        // The pump runs connections in turn: once it has answered this one, it has run the other. A new one each time: the pump may not quite be done with the last.
        async Task PassThroughPump()
        {
            var beside = fixture.ConnectBeside(client);
            beside.Do("SET", "c", "3");
            fixture.Executor.TurnLast();
            await beside.ReceiveAsync(5);
        }
    }

    [Fact]
    public void An_error_is_answered_after_the_writes_before_it()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        Assert.Equal("", client.Send(Encode("SET", "a", "1") + Encode("NOSUCH") + Encode("SET", "a") + "*1\r\n$-5\r\n"));
        Assert.False(client.IsClosed);
        Assert.Equal(1, fixture.Executor.Waiting);
    }

    [Fact]
    public void A_protocol_error_is_answered_and_ends_the_connection()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.Equal("+PONG\r\n-ERR Protocol error: expected '$', got 'x'\r\n", client.Send("PING\r\n*1\r\nx\r\n"));
        Assert.True(client.IsClosed);
    }

    [Fact]
    public void What_was_sent_before_hanging_up_is_answered()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.Equal("+OK\r\n", client.Send(Encode("SET", "a", "1") + "*2\r\n$3\r\nGET"));
        client.HangUp();
        Assert.True(client.IsClosed);
    }

    [Fact]
    public async Task A_connection_is_not_given_up_while_its_operations_are_under_way()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        client.Send(Encode("SET", "a", "1"));
        client.HangUp();
        Assert.False(client.IsClosed);
        fixture.Executor.Turn();
        await client.Closed;
        Assert.Equal("+OK\r\n", client.Received());
    }

    [Fact]
    public async Task A_server_that_stops_answers_what_it_was_sent()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual);
        var client = fixture.Connect();
        client.Send(Encode("SET", "a", "1") + Encode("GET", "a"));
        client.Stop();
        Assert.False(client.IsClosed);
        fixture.Executor.Turn();
        await client.Closed;
        Assert.Equal("+OK\r\n$1\r\n1\r\n", client.Received());
    }

    [Fact]
    public void An_idle_connection_stops_at_once()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        client.Stop();
        Assert.True(client.IsClosed);
    }

    [Fact]
    public void A_client_that_does_not_read_stops_being_served_and_goes_on_when_it_reads()
    {
        using var fixture = new RespFixture(limits: new RespLimits { OutputHighWater = 4096 });
        var client = fixture.Connect(outputPause: 8192);
        client.Do("SET", "a", new string('x', 1000));
        client.Write(Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(Encode("GET", "a"), 1000))));
        var replies = 0;
        while (client.ReceiveOnce() is > 0 and var more)
        {
            Assert.InRange(more, 1, 16 << 10);
            replies += more;
        }
        Assert.Equal(1000 * 1009, replies);
    }

    [Fact]
    public void A_client_that_is_reset_while_it_does_not_read_is_no_internal_error()
    {
        var told = new Told();
        using var fixture = new RespFixture(limits: new RespLimits { OutputHighWater = 4096 }, logger: told);
        var client = fixture.Connect(outputPause: 8192);
        client.Do("SET", "a", new string('x', 1000));
        client.Write(Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(Encode("GET", "a"), 1000))));
        client.Reset();
        while (client.ReceiveOnce() > 0)
        {
        }
        Assert.True(client.IsClosed);
        Assert.Empty(told.Warnings);
    }

    [Fact]
    public void Operations_under_way_are_bounded()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Manual, new RespLimits { MaxPendingOperations = 10 });
        var client = fixture.Connect();
        client.Send(string.Concat(Enumerable.Repeat(Encode("INCR", "a"), 100)));
        Assert.Equal(10, fixture.Executor.Waiting);
    }

    [Theory]
    [InlineData(OperationStatus.Unavailable, "no leader", "-CLUSTERDOWN no leader\r\n")]
    [InlineData(OperationStatus.OutcomeUnknown, "the deadline\r\npassed", "-UNKNOWN the write may or may not have taken effect (request 1-7-9): the deadline  passed\r\n")]
    public void Outcomes_of_writes_are_told_apart(OperationStatus status, string reason, string reply)
    {
        using var fixture = new RespFixture();
        fixture.Executor.Fault = _ => (status, reason);
        Assert.Equal(reply, fixture.Connect().Do("SET", "a", "1"));
    }

    [Fact]
    public void A_read_whose_outcome_is_unknown_is_to_be_tried_again()
    {
        using var fixture = new RespFixture();
        fixture.Executor.HasLease = false;
        fixture.Executor.Fault = _ => (OperationStatus.OutcomeUnknown, "no answer");
        Assert.Equal("-TRYAGAIN no answer\r\n", fixture.Connect().Do("GET", "a"));
    }

    [Fact]
    public void Keys_and_values_over_a_limit_are_refused_and_the_connection_goes_on()
    {
        using var fixture = new RespFixture(limits: new RespLimits { MaxKeyBytes = 10, MaxValueBytes = 100, MaxCommandBytes = 1000 });
        var client = fixture.Connect();
        Assert.Equal("+OK\r\n", client.Do("SET", new string('k', 10), new string('v', 100)));
        Assert.Equal("-ERR a key of 11 bytes is longer than the limit of 10 bytes; nothing was changed\r\n", client.Do("SET", new string('k', 11), "v"));
        Assert.Equal("-ERR an argument of 101 bytes is longer than the limit of 100 bytes; nothing was changed\r\n", client.Do("SET", "k", new string('v', 101)));
        Assert.Equal(":1\r\n", client.Do("DBSIZE"));
    }

    [Fact]
    public void A_refused_command_spoils_a_transaction()
    {
        using var fixture = new RespFixture(limits: new RespLimits { MaxKeyBytes = 10, MaxValueBytes = 100, MaxQueuedBytes = 420 });
        var client = fixture.Connect();
        foreach (var bad in new[] { Encode("SET", "k", new string('v', 101)), Encode("SET", new string('k', 11), "v"), Encode("KEYS", "*"), Encode("MSETNX", "a", "b") })
        {
            client.Do("MULTI");
            Assert.StartsWith("-ERR", client.Send(bad), StringComparison.Ordinal);
            Assert.StartsWith("-EXECABORT", client.Do("EXEC"), StringComparison.Ordinal);
        }
        client.Do("MULTI");
        Assert.Equal("+QUEUED\r\n", client.Do("SET", "k", new string('v', 90)));
        Assert.Equal("+QUEUED\r\n", client.Do("SET", "k", new string('v', 90)));
        Assert.StartsWith("-ERR the transaction is longer", client.Do("SET", "k", new string('v', 90)), StringComparison.Ordinal);
        Assert.StartsWith("-EXECABORT", client.Do("EXEC"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nSET a 1\r\n", "")]
    [InlineData("post /\r\nSET a 1\r\n", "")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost:6379\r\nSET a 1\r\n", "-ERR wrong number of arguments for 'get' command\r\n")]
    [InlineData("*1\r\n$5\r\nHOST:\r\nSET a 1\r\n", "")]
    public void An_HTTP_request_ends_the_connection_and_nothing_in_it_is_run(string request, string answer)
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.Equal(answer, client.Send(request));
        Assert.True(client.IsClosed);
        Assert.Equal("$-1\r\n", fixture.Connect().Do("GET", "a"));
    }

    [Fact]
    public void Who_asked_for_no_reply_gets_none_to_an_oversized_command_either()
    {
        using var fixture = new RespFixture(limits: new RespLimits { MaxValueBytes = 100 });
        var client = fixture.Connect();
        var oversized = Encode("SET", "k", new string('v', 101));
        Assert.Equal("+PONG\r\n", client.Send(Encode("CLIENT", "REPLY", "SKIP") + oversized + Encode("PING")));
        Assert.Equal("", client.Send(Encode("CLIENT", "REPLY", "OFF") + oversized + Encode("PING") + oversized));
        Assert.Equal("+OK\r\n", client.Do("CLIENT", "REPLY", "ON"));
        Assert.StartsWith("-ERR an argument of 101", client.Send(oversized), StringComparison.Ordinal);
    }

    [Fact]
    public void NUL_bytes_behind_a_number_are_not_part_of_it()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        client.Do("SET", "k", "1");
        foreach (var command in new[] { "INCRBYFLOAT", "INCRBY", "DECRBY", "EXPIRE", "PEXPIREAT" })
            Assert.StartsWith("-ERR value is not", client.Do(command, "k", "5\0"), StringComparison.Ordinal);
        client.Do("SET", "k", "1\0");
        Assert.Equal("-ERR value is not a valid float\r\n", client.Do("INCRBYFLOAT", "k", "1"));
        Assert.Equal("-ERR value is not an integer or out of range\r\n", client.Do("INCR", "k"));
        Assert.StartsWith("-ERR", client.Do("SCAN", "0\0"), StringComparison.Ordinal);
        Assert.StartsWith("-ERR", client.Do("SET", "k", "1", "EX", "5\0"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_transaction_is_one_operation()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        client.Send(Encode("MULTI") + Encode("SET", "a", "1") + Encode("INCR", "a") + Encode("GET", "a"));
        var before = fixture.Executor.Applied;
        Assert.Equal("*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n", client.Do("EXEC"));
        Assert.Equal(before + 1, fixture.Executor.Applied);
    }

    [Fact]
    public void WATCH_notices_another_client()
    {
        using var fixture = new RespFixture();
        var (one, other) = (fixture.Connect(), fixture.Connect());
        one.Do("SET", "a", "1");
        one.Do("WATCH", "a");
        other.Do("SET", "a", "1");
        Assert.Equal("+OK\r\n+QUEUED\r\n*-1\r\n", one.Send(Encode("MULTI") + Encode("SET", "a", "2") + Encode("EXEC")));
        Assert.Equal("$1\r\n1\r\n", one.Do("GET", "a"));
    }

    [Fact]
    public void A_WATCH_that_failed_lets_no_EXEC_pass()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        fixture.Executor.Fault = _ => (OperationStatus.Unavailable, "no leader");
        Assert.StartsWith("-CLUSTERDOWN", client.Do("WATCH", "a"), StringComparison.Ordinal);
        fixture.Executor.Fault = null;
        Assert.EndsWith("*-1\r\n", client.Send(Encode("MULTI") + Encode("SET", "a", "2") + Encode("EXEC")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OperationStatus.Unavailable, "-CLUSTERDOWN")]
    [InlineData(OperationStatus.OutcomeUnknown, "-UNKNOWN")]
    public void What_a_failed_EXEC_had_queued_does_not_come_with_the_next_one(OperationStatus status, string error)
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        fixture.Executor.Fault = _ => (status, "so says the test");
        Assert.Contains(error, client.Send(Encode("MULTI") + Encode("INCR", "a") + Encode("APPEND", "b", "x") + Encode("EXEC")), StringComparison.Ordinal);
        fixture.Executor.Fault = null;
        Assert.Equal("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", client.Send(Encode("MULTI") + Encode("SET", "c", "1") + Encode("EXEC")));
        Assert.Equal("$-1\r\n$-1\r\n$1\r\n1\r\n", client.Send(Encode("GET", "a") + Encode("GET", "b") + Encode("GET", "c")));
    }

    [Fact]
    public void Replies_can_be_turned_off()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.Equal("", client.Do("CLIENT", "REPLY", "SKIP"));
        Assert.Equal("", client.Do("SET", "a", "1"));
        Assert.Equal("$1\r\n1\r\n", client.Do("GET", "a"));
        Assert.Equal("", client.Send(Encode("CLIENT", "REPLY", "OFF") + Encode("SET", "a", "2") + Encode("GET", "a") + Encode("NOSUCH") + Encode("PING")));
        Assert.Equal("+OK\r\n", client.Do("CLIENT", "REPLY", "ON"));
        Assert.Equal("$1\r\n2\r\n", client.Do("GET", "a"));
    }

    [Fact]
    public void A_stream_gives_the_same_replies_however_it_is_cut() => Seeds.ForEach(40, seed =>
    {
        var random = new Random(seed);
        var stream = new StringBuilder();
        for (var i = 0; i < 60; i++)
        {
            var key = $"k{random.Next(4)}";
            stream.Append(random.Next(8) switch
            {
                0 => Encode("SET", key, new string('v', random.Next(3000))),
                1 => Encode("GET", key),
                2 => Encode("APPEND", key, "x"),
                3 => $"STRLEN {key}\r\n",
                4 => Encode("DEL", key, "k0"),
                5 => Encode("MGET", "k0", "k1", "k2"),
                6 => Encode("MULTI") + Encode("SET", key, "1") + Encode("INCR", key) + Encode("EXEC"),
                _ => Encode("NOSUCH"),
            });
        }
        var bytes = Encoding.Latin1.GetBytes(stream.ToString());
        string Run(int largest)
        {
            using var fixture = new RespFixture();
            var client = fixture.Connect();
            var replies = new StringBuilder();
            var cut = new Random(seed);
            for (var at = 0; at < bytes.Length;)
            {
                var size = Math.Min(cut.Next(1, largest + 1), bytes.Length - at);
                replies.Append(client.Send(bytes.AsSpan(at, size)));
                at += size;
            }
            while (client.Received() is { Length: > 0 } more)
                replies.Append(more);
            return replies.ToString();
        }
        Assert.Equal(Run(1 << 20), Run(700));
    });

    [Fact]
    public async Task A_threaded_executor_and_pipelined_clients_lose_nothing()
    {
        using var fixture = new RespFixture(MemoryExecutorMode.Thread);
        const int rounds = 200;
        var clients = Enumerable.Range(0, 8).Select(_ => fixture.Connect()).ToList();
        await Task.WhenAll(clients.Select(client => Task.Run(async () =>
        {
            var batch = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(Encode("SET", "k", "v"), 16)));
            for (var round = 0; round < rounds; round++)
            {
                client.Write(batch);
                Assert.Equal(string.Concat(Enumerable.Repeat("+OK\r\n", 16)), await client.ReceiveAsync(80));
            }
        })));
        Assert.Equal(8 * 16 * rounds, fixture.Executor.Applied);
    }

    [Fact]
    public void Reads_and_writes_in_steady_state_allocate_nothing()
    {
        var stream = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(Encode("SET", "key", new string('v', 256)) + Encode("GET", "key"), 20)));
        var server = new RespServer(new ServerContext(new CannedExecutor(), new SingleGroupRouter(1), () => new([], 1, []), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance));
        using var sink = new RespWireCounter(server);
        for (var i = 0; i < 50; i++)
            sink.Run(stream);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 50; i++)
            sink.Run(stream);
        var perCommand = (GC.GetAllocatedBytesForCurrentThread() - before) / (50.0 * 40);
        // What is left is the test's own flush.
        Assert.True(perCommand < 8, $"{perCommand} bytes per command");
    }

    [Fact]
    public void An_internal_error_behind_commands_that_were_not_submitted_yet_closes_the_connection()
    {
        using var fixture = new RespFixture(router: new FaultyRouter());
        var client = fixture.Connect();
        client.Send(Encode("SET", "a", "1") + Encode("SET", "bad", "1"));
        Assert.True(client.IsClosed);
        Assert.Equal(0, fixture.Executor.Applied);
    }

    private sealed class FaultyRouter : IKeyRouter
    {
        public uint DefaultGroup => 1;

        public uint Route(ReadOnlySpan<byte> key) => key.Length == 1 ? 1u : throw new ArgumentException("this key is in no group");
    }

    /// <summary>Answers without doing anything, so that only the connection's allocations count.</summary>
    private sealed class CannedExecutor : IOperationExecutor
    {
        private readonly byte[] _value = new byte[256];

        public long Now => 0;

        public GroupTime TimeOf(uint group) => default;


        public void Submit(Operation operation)
        {
            operation.Result.Clear();
            operation.Result.Write(stackalloc byte[9]);
            operation.Status = OperationStatus.Completed;
            operation.OnCompleted();
        }

        public bool TryReadLocal(uint group, ReadOnlySpan<byte> key, PooledBuffer value, out bool found, out RecordHeader header)
        {
            value.Write(_value);
            (found, header) = (true, new RecordHeader(1, 0));
            return true;
        }
    }

    /// <summary>Keeps what a log is told that somebody should look at.</summary>
    private sealed class Told : Microsoft.Extensions.Logging.ILogger
    {
        public List<string> Warnings { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(Microsoft.Extensions.Logging.LogLevel logLevel) => true;

        public void Log<TState>(
            Microsoft.Extensions.Logging.LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= Microsoft.Extensions.Logging.LogLevel.Warning)
                Warnings.Add(formatter(state, exception));
        }
    }
}
