using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

/// <summary>What one entry may read, write and return has ceilings; one that would pass them changes nothing and says which.</summary>
public sealed class CommandCeilingTests : IDisposable
{
    private const int Largest = CommandLimits.ValueCeiling;
    private readonly CommandDriver _driver = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_batch_whose_results_would_be_too_long_changes_nothing(bool allOrNothing)
    {
        Fill("big", Largest);
        _driver.Apply(into => PutCommand.Encode(into, "dying"u8, "d"u8, expiry: Expiry.At(5_000)));
        var before = _driver.Records();
        var result = Apply(
            allOrNothing,
            Put("a", "1"),
            into => DeleteCommand.Encode(into, "dying"u8),
            Get("big"),
            Get("big"));
        AssertExceeded(CommandBound.Result, result);
        Assert.Equal(before, _driver.Records());
        Assert.Equal(5_000, _driver.Machine.EarliestExpiry);
        Assert.Equal(ResultStatus.Ok, new CommandResult(Apply(allOrNothing, Put("a", "1"), Get("big"))).Status);
    }

    [Fact]
    public void Reads_that_return_nothing_are_counted()
    {
        Fill("big", Largest);
        var increment = new Action<PooledBuffer>(into => IncrementCommand.Encode(into, "big"u8, 1));
        Assert.Equal(ResultStatus.Ok, new CommandResult(Apply(false, increment, increment, increment)).Status);
        AssertExceeded(CommandBound.Reads, Apply(false, increment, increment, increment, increment, Put("a", "1")));
        Assert.Null(Value("a"));
    }

    [Fact]
    public void A_short_batch_cannot_write_much()
    {
        Fill("big", Largest);
        var append = new Action<PooledBuffer>(into => SetRangeCommand.Encode(into, "big"u8, 0, "x"u8));
        Assert.Equal(ResultStatus.Ok, new CommandResult(Apply(false, append)).Status);
        AssertExceeded(CommandBound.Writes, Apply(false, append, append));
        AssertExceeded(CommandBound.Writes, Apply(false, Copy("big", "b"), Copy("big", "c")));
        Assert.Null(Value("b"));
    }

    [Fact]
    public void What_was_cleared_comes_back_with_the_rest_of_a_batch_that_is_too_much()
    {
        Fill("big", Largest);
        _driver.Apply(into => PutCommand.Encode(into, "dying"u8, "d"u8, expiry: Expiry.At(5_000)));
        var before = _driver.Records();
        AssertExceeded(CommandBound.Result, Apply(false, Get("big"), Put("big", "small"), ClearCommand.Encode, Put("dying", "new"), into => FillCommand(into, "b", Largest - 100), Get("b")));
        Assert.Equal(before, _driver.Records());
        Assert.Equal(5_000, _driver.Machine.EarliestExpiry);
    }

    [Fact]
    public void Removing_too_many_keys_at_once_removes_none()
    {
        _driver.Apply(Put("0", "x"));
        var result = _driver.Apply(into =>
        {
            DeleteCommand.EncodeEmpty(into);
            for (var i = 0; i <= CommandLimits.AccessCeiling / 2; i++)
                DeleteCommand.AddKey(into, Encoding.ASCII.GetBytes($"{i}"));
        });
        AssertExceeded(CommandBound.Accesses, result);
        Assert.Equal("x", Value("0"));
    }

    [Fact]
    public void A_command_longer_than_the_ceiling_is_refused_by_its_length()
    {
        var result = _driver.Apply(into =>
        {
            PutCommand.Encode(into, "a"u8, "x"u8);
            into.SetLength(CommandLimits.CommandCeiling + 1);
        });
        AssertExceeded(CommandBound.Command, result);
        Assert.Null(Value("a"));
    }

    [Fact]
    public void A_query_is_bounded_as_an_entry_is()
    {
        Fill("big", Largest);
        AssertExceeded(CommandBound.Result, _driver.Query(into => Encode(into, false, Get("big"), Get("big"))));
        Assert.Equal(ResultStatus.Ok, new CommandResult(_driver.Query(Get("big"))).Status);
    }

    [Fact]
    public void A_page_of_a_scan_ends_by_its_bytes_whatever_was_asked_for()
    {
        for (var i = 0; i < 5; i++)
            Fill($"k{i}", 5 << 20);
        var page = Scan();
        Assert.Equal(2U, page.Count);
        Assert.True(page.HasMore);

        ScanResult Scan() => new CommandResult(_driver.Query(into => ScanCommand.Encode(into, "k"u8, default, false, default, uint.MaxValue, uint.MaxValue))).Scan;
    }

    [Fact]
    public void A_page_of_a_scan_ends_by_what_it_read_of_expired_records()
    {
        for (var i = 0; i < 5; i++)
            _driver.Apply(into => PutCommand.Encode(into, Encoding.ASCII.GetBytes($"k{i}"), new byte[9 << 20], expiry: Expiry.At(2_000)));
        _driver.Time = 3_000;
        _driver.Apply(Put("k9", "x"));
        var first = new CommandResult(_driver.Query(into => ScanCommand.Encode(into, "k"u8, default, false, default, 100, 100))).Scan;
        Assert.Equal(0U, first.Count);
        Assert.True(first.HasMore);
        Assert.Equal("k1"u8, first.Cursor);
    }

    [Fact]
    public void Long_expired_keys_are_removed_a_few_at_a_time()
    {
        for (var i = 0; i < 80; i++)
        {
            var key = new byte[CommandLimits.KeyCeiling];
            key[0] = (byte)i;
            _driver.Apply(into => PutCommand.Encode(into, key, "x"u8, expiry: Expiry.At(2_000)));
        }

        _driver.Time = 3_000;
        Assert.Equal(64, new CommandResult(_driver.Apply(into => ExpireDueCommand.Encode(into, 1_000))).Number);
        Assert.Equal(16, new CommandResult(_driver.Apply(into => ExpireDueCommand.Encode(into, 1_000))).Number);
    }

    [Fact]
    public void The_same_entry_ends_the_same_after_a_restart()
    {
        var session = _driver.OpenSession();
        Fill("big", Largest);
        var first = _driver.Apply(into => Encode(into, false, Get("big"), Get("big")), session, 1);
        AssertExceeded(CommandBound.Result, first);
        _driver.Restart();
        Assert.Equal(first, _driver.Apply(into => Encode(into, false, Get("big"), Get("big")), session, 1));
    }

    [Fact]
    public void What_all_sessions_retain_is_bounded_and_the_longest_idle_forget_first()
    {
        Fill("big", Largest - 64);
        var sessions = Enumerable.Range(0, 6).Select(_ => _driver.OpenSession()).ToList();
        foreach (var session in sessions)
            Assert.Equal(ResultStatus.Ok, new CommandResult(_driver.Apply(Get("big"), session, 1)).Status);
        var kept = sessions.Select(session => new CommandResult(_driver.Apply(Get("big"), session, 1)).Status).ToList();
        Assert.Equal([ResultStatus.Forgotten, ResultStatus.Forgotten, ResultStatus.Ok, ResultStatus.Ok, ResultStatus.Ok, ResultStatus.Ok], kept);
        var hash = _driver.Hash();
        _driver.Restart();
        Assert.Equal(hash, _driver.Hash());
    }

    [Fact]
    public void What_cannot_but_pass_a_ceiling_is_known_before_it_is_proposed()
    {
        Assert.Equal(CommandBound.Writes, Find(Enumerable.Repeat<Action<PooledBuffer>>(into => SetRangeCommand.Encode(into, "big"u8, Largest - 1, "x"u8), 200).ToArray()));
        Assert.Null(Find(into => SetRangeCommand.Encode(into, "big"u8, ulong.MaxValue, "x"u8), into => SetRangeCommand.Encode(into, "big"u8, Largest, "x"u8)));
        Assert.Equal(CommandBound.Accesses, Find(Enumerable.Repeat(Get("a"), CommandLimits.AccessCeiling + 1).ToArray()));
        Assert.Null(Find(into => FillCommand(into, "a", Largest), into => FillCommand(into, "b", Largest - 1_000)));

        static CommandBound? Find(params Action<PooledBuffer>[] commands)
        {
            using var command = new PooledBuffer();
            Encode(command, false, commands);
            return CommandCheck.IsWithinLimits(command.Span, out var bound) ? null : bound;
        }
    }

    public void Dispose() => _driver.Dispose();

    private static void AssertExceeded(CommandBound bound, byte[] encoded)
    {
        var result = new CommandResult(encoded);
        Assert.Equal(ResultStatus.LimitExceeded, result.Status);
        Assert.Equal(bound, result.Bound);
        Assert.Contains("limit of", CommandLimits.Describe(bound), StringComparison.Ordinal);
    }

    private static Action<PooledBuffer> Put(string key, string value) => into => PutCommand.Encode(into, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));

    private static Action<PooledBuffer> Get(string key) => into => GetCommand.Encode(into, Encoding.UTF8.GetBytes(key));

    private static Action<PooledBuffer> Copy(string from, string to) => into => RenameCommand.Encode(into, Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to), copy: true);

    private static void FillCommand(PooledBuffer into, string key, int length) => PutCommand.Encode(into, Encoding.UTF8.GetBytes(key), new byte[length]);

    private static void Encode(PooledBuffer into, bool allOrNothing, params Action<PooledBuffer>[] commands)
    {
        var batch = new BatchBuilder(into, allOrNothing);
        using var command = new PooledBuffer();
        foreach (var encode in commands)
        {
            command.Clear();
            encode(command);
            batch.Add(command.Span);
        }
    }

    private void Fill(string key, int length) => _driver.Apply(into => FillCommand(into, key, length));

    private byte[] Apply(bool allOrNothing, params Action<PooledBuffer>[] commands) => _driver.Apply(into => Encode(into, allOrNothing, commands));

    private string? Value(string key)
    {
        var result = new CommandResult(_driver.Query(Get(key)));
        return result.Status == ResultStatus.NotFound ? null : Encoding.UTF8.GetString(result.Value);
    }
}
