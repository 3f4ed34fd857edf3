using System.Globalization;
using System.Text;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

/// <summary>What clients can make a node hold is bounded, one by one and all together, whatever they ask for and however little they take.</summary>
public sealed class RespMemoryTests
{
    private const int Large = 64 << 10;

    private static readonly RespLimits Limits = new()
    {
        MaxKeyBytes = 64, MaxValueBytes = Large, MaxCommandBytes = 2 * Large, MaxReplyBytes = 4 * Large, MaxWriteReplyBytes = 8 * Large, MaxPendingBytes = 4 * Large, MaxQueuedBytes = 2 * Large,
        MaxWatchedKeys = 10, MaxWatchedBytes = 100,
    };

    [Fact]
    public void Reads_of_a_client_that_takes_nothing_are_not_begun()
    {
        using var fixture = NewFixture();
        var client = fixture.Connect();
        SetAll(fixture, client);
        var before = fixture.Executor.Applied;
        client.Write(Commands(400, i => ["GET", $"k{i % 10}"]));
        Drain(fixture);
        Assert.InRange(fixture.Executor.Applied - before, 4, 20);
        Assert.InRange(Assert.Single(fixture.Server.Clients).Held, 1, 12 * Large);
    }

    [Fact]
    public void Reads_that_were_put_off_are_answered_in_their_order()
    {
        using var fixture = NewFixture();
        var client = fixture.Connect();
        SetAll(fixture, client);
        client.Write(Commands(400, i => ["GET", $"k{i % 10}"]));
        Assert.Equal(string.Concat(Enumerable.Range(0, 400).Select(i => $"${Large}\r\n{Value(i % 10)}\r\n")), ReceiveAll(fixture, client));
        client.Write(Commands(100, i => i % 3 == 0 ? ["MGET", "k1", "k2"] : ["STRLEN", "k3"]));
        Assert.Equal(string.Concat(Enumerable.Range(0, 100).Select(i => i % 3 == 0 ? $"*2\r\n${Large}\r\n{Value(1)}\r\n${Large}\r\n{Value(2)}\r\n" : $":{Large}\r\n")), ReceiveAll(fixture, client));
    }

    [Fact]
    public void Writes_that_return_values_are_begun_only_as_far_as_their_results_have_room()
    {
        using var fixture = NewFixture();
        var client = fixture.Connect();
        SetAll(fixture, client);
        client.Write(Commands(100, i => ["GETEX", $"k{i % 10}", "EX", "100"]));
        var text = new StringBuilder();
        while (fixture.Executor.Waiting > 0)
        {
            Assert.InRange(fixture.Executor.Waiting, 1, 8);
            fixture.Executor.Turn();
            text.Append(client.Received());
        }

        Assert.Equal(string.Concat(Enumerable.Range(0, 100).Select(i => $"${Large}\r\n{Value(i % 10)}\r\n")), text.ToString());
    }

    [Fact]
    public void Results_of_writes_that_have_no_room_are_left_out_and_their_outcome_is_not_denied()
    {
        using var fixture = NewFixture();
        var client = fixture.Connect();
        SetAll(fixture, client);
        // Short values first, so that many are begun at once.
        client.Write(Commands(100, i => ["GETEX", "short", "PERSIST"]));
        ReceiveAll(fixture, client);
        client.Write(Commands(100, i => ["GETEX", $"k{i % 10}", "PERSIST"]));
        Assert.Equal(100, fixture.Executor.Waiting);
        var replies = ReceiveAll(fixture, client);
        Assert.StartsWith($"${Large}\r\n{Value(0)}\r\n", replies, StringComparison.Ordinal);
        Assert.Contains("-UNKNOWN", replies, StringComparison.Ordinal);
        Assert.InRange(replies.Length, 4 * Large, 12 * Large);
        Assert.Equal("+PONG\r\n", client.Do("PING"));
    }

    [Fact]
    public void Large_commands_of_one_client_are_under_way_a_few_at_a_time()
    {
        using var fixture = NewFixture();
        var client = fixture.Connect();
        client.Write(Commands(50, i => ["SET", $"k{i}", Value(i)]));
        for (var turns = 0; fixture.Executor.Waiting > 0; turns++)
        {
            Assert.InRange(fixture.Executor.Waiting, 1, 5);
            fixture.Executor.Turn();
        }

        Assert.Equal(string.Concat(Enumerable.Repeat("+OK\r\n", 50)), client.Received());
    }

    [Fact]
    public void The_client_that_holds_most_is_disconnected_when_all_together_hold_too_much()
    {
        using var fixture = NewFixture(maxMemory: 16 * Large, Limits with { MaxValueBytes = 16 * Large, MaxCommandBytes = 16 * Large });
        var (small, large) = (fixture.Connect(), fixture.Connect());
        var text = RespFixture.Client.Encode("SET", "a", new string('v', 4 * Large));
        small.Send(text[..(3 * Large)]);
        large.Send(RespFixture.Client.Encode("SET", "b", new string('v', 14 * Large))[..(9 * Large)]);
        Assert.True(large.IsClosed);
        Assert.False(small.IsClosed);
        small.Write(Encoding.Latin1.GetBytes(text[(3 * Large)..]));
        Assert.Equal("+OK\r\n", ReceiveAll(fixture, small));
    }

    [Fact]
    public void A_client_that_takes_nothing_is_closed_when_it_is_disconnected_and_gives_its_results_back()
    {
        using var fixture = NewFixture();
        var client = fixture.Connect();
        SetAll(fixture, client);
        client.Write(Commands(400, i => ["GET", $"k{i % 10}"]));
        Drain(fixture);
        Assert.False(client.IsClosed);
        var connected = Assert.Single(fixture.Server.Clients);
        connected.Disconnect();
        Assert.True(client.IsClosed);
        Assert.InRange(connected.Held, 0, 2 * Large);
    }

    [Fact]
    public void A_client_whose_large_command_is_done_holds_nothing()
    {
        using var fixture = NewFixture(limits: Limits with { MaxValueBytes = 32 * Large, MaxCommandBytes = 33 * Large });
        var client = fixture.Connect();
        var command = RespFixture.Client.Encode("SET", "a", new string('v', 20 * Large));
        client.Send(command[..(10 * Large)]);
        Assert.InRange(fixture.Server.Memory.Used, 10 * Large, 21 * Large);
        client.Write(Encoding.Latin1.GetBytes(command[(10 * Large)..] + "*1\r\n$4\r\nPI"));
        Assert.Equal("+OK\r\n", ReceiveAll(fixture, client));
        Assert.Equal(0, fixture.Server.Memory.Used);
        Assert.Equal("+PONG\r\n", client.Send("NG\r\n"));
    }

    [Fact]
    public void A_command_that_trickles_ends_its_connection_and_a_slow_long_one_does_not()
    {
        var clock = new ManualClock();
        using var fixture = NewFixture(clock: clock);
        using var watch = new ConnectionWatch(fixture.Server);
        var (idle, half, done) = (fixture.Connect(), fixture.Connect(), fixture.Connect());
        half.Send("*2\r\n$3\r\nGET\r\n$5\r\nab");
        done.Send("*1\r\n$4\r\nPI");
        clock.Seconds += 50;
        done.Send("NG\r\n*1\r\n$4\r\nPI");
        half.Send("c");
        watch.Look();
        Assert.False(half.IsClosed);
        clock.Seconds += 20;
        watch.Look();
        Assert.True(half.IsClosed);
        Assert.False(idle.IsClosed || done.IsClosed);
        var slow = fixture.Connect();
        slow.Send(RespFixture.Client.Encode("SET", "a", new string('v', Large))[..^100]);
        clock.Seconds += 62;
        watch.Look();
        Assert.False(slow.IsClosed);
        clock.Seconds += 20;
        watch.Look();
        Assert.True(slow.IsClosed);
    }

    [Fact]
    public void Watched_keys_are_bounded_by_number_and_by_bytes()
    {
        using var fixture = NewFixture(mode: MemoryExecutorMode.Inline);
        var client = fixture.Connect();
        Assert.Equal("+OK\r\n", client.Do("WATCH", "a", "b", "c", "d", "e", "f"));
        Assert.Equal("-ERR 11 keys would be watched; the limit is 10 keys\r\n", client.Do("WATCH", "a", "b", "c", "d", "e"));
        Assert.Equal("-ERR the watched keys would be 105 bytes long; the limit is 100 bytes\r\n", client.Do("WATCH", new string('k', 50), new string('l', 49)));
        Assert.Equal("+OK\r\n", client.Do("WATCH", new string('k', 50), new string('l', 44)));
        client.Do("UNWATCH");
        Assert.Equal("+OK\r\n", client.Do("WATCH", new string('k', 50), new string('l', 50)));
        Assert.Equal("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", client.Send(RespFixture.Client.Encode("MULTI") + RespFixture.Client.Encode("SET", "a", "1") + RespFixture.Client.Encode("EXEC")));
        Assert.Equal("+OK\r\n", client.Do("WATCH", new string('k', 50), new string('l', 50)));
    }

    [Fact]
    public void Replies_of_a_transaction_that_come_from_the_host_are_bounded_and_nothing_is_done()
    {
        using var fixture = NewFixture(mode: MemoryExecutorMode.Inline, limits: Limits with { MaxImmediateBytes = 4 * Large });
        var client = fixture.Connect(long.MaxValue / 2);
        client.Do("MULTI");
        client.Do("SET", "a", "1");
        client.Send(string.Concat(Enumerable.Repeat(RespFixture.Client.Encode("COMMAND", "DOCS"), 200)));
        Assert.StartsWith("-ERR the replies of the transaction would be longer", client.Do("EXEC"), StringComparison.Ordinal);
        Assert.Equal("$-1\r\n", client.Do("GET", "a"));
    }

    private static RespFixture NewFixture(long? maxMemory = null, RespLimits? limits = null, TimeProvider? clock = null, MemoryExecutorMode mode = MemoryExecutorMode.Manual) =>
        new(mode, limits ?? Limits, static item => item.Execute(), maxMemory, clock) { Executor = { HasLease = false } };

    private static string Value(int i) => new((char)('a' + i), Large);

    private static byte[] Commands(int count, Func<int, string[]> command) =>
        Encoding.Latin1.GetBytes(string.Concat(Enumerable.Range(0, count).Select(i => RespFixture.Client.Encode(command(i)))));

    private static void SetAll(RespFixture fixture, RespFixture.Client client)
    {
        client.Write(Commands(11, i => i == 10 ? ["SET", "short", "s"] : ["SET", string.Create(CultureInfo.InvariantCulture, $"k{i}"), Value(i)]));
        ReceiveAll(fixture, client);
    }

    private static void Drain(RespFixture fixture)
    {
        while (fixture.Executor.Waiting > 0)
            fixture.Executor.Turn();
    }

    private static string ReceiveAll(RespFixture fixture, RespFixture.Client client)
    {
        var text = new StringBuilder();
        while (true)
        {
            var waits = fixture.Executor.Waiting > 0;
            fixture.Executor.Turn();
            var received = client.Received();
            text.Append(received);
            if (!waits && received.Length == 0)
                return text.ToString();
        }
    }

    private sealed class ManualClock : TimeProvider
    {
        public long Seconds { get; set; } = 1000;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
