using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

public sealed class BatchCommandTests : IDisposable
{
    private readonly CommandDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void Later_commands_see_what_earlier_ones_did_and_all_share_the_revision()
    {
        var result = new CommandResult(Apply(
            false,
            [],
            into => PutCommand.Encode(into, "a"u8, "1"u8),
            into => IncrementCommand.Encode(into, "a"u8, 4),
            into => GetCommand.Encode(into, "a"u8)));
        Assert.Equal(ResultStatus.Ok, result.Status);
        var results = result.Batch;
        Assert.Equal(3U, results.Count);
        Assert.True(results.MoveNext() && results.Current.Status == ResultStatus.Ok && results.Current.Revision == 1);
        Assert.True(results.MoveNext() && results.Current.Number == 5);
        Assert.True(results.MoveNext() && results.Current.Value.SequenceEqual("5"u8) && results.Current.Revision == 1);
        Assert.False(results.MoveNext());
    }

    [Fact]
    public void A_condition_that_does_not_hold_stops_the_batch_before_it_begins()
    {
        Put("a", "1");
        var result = new CommandResult(Apply(false, [("a", 1), ("b", 3)], into => PutCommand.Encode(into, "a"u8, "2"u8)));
        Assert.Equal(ResultStatus.ConditionFailed, result.Status);
        Assert.True(result.FailedOnCondition);
        Assert.Equal((1U, 0UL), (result.FailedNumber, result.FailedRevision));
        Assert.Equal("1", Value("a"));
        Assert.Equal(ResultStatus.Ok, new CommandResult(Apply(false, [("a", 1), ("b", 0)], into => PutCommand.Encode(into, "a"u8, "2"u8))).Status);
        Assert.Equal("2", Value("a"));
        var stale = new CommandResult(Apply(true, [("a", 1)], into => PutCommand.Encode(into, "a"u8, "3"u8)));
        Assert.Equal((ResultStatus.ConditionFailed, 3UL), (stale.Status, stale.FailedRevision));
    }

    [Fact]
    public void A_failing_command_leaves_the_others_in_force()
    {
        Put("text", "abc");
        var results = new CommandResult(Apply(
            false,
            [],
            into => PutCommand.Encode(into, "a"u8, "1"u8),
            into => IncrementCommand.Encode(into, "text"u8, 1),
            into => PutCommand.Encode(into, "b"u8, "2"u8))).Batch;
        Assert.True(results.MoveNext() && results.MoveNext() && results.Current.Status == ResultStatus.NotAnInteger);
        Assert.Equal(("1", "2"), (Value("a"), Value("b")));
    }

    [Fact]
    public void An_all_or_nothing_batch_takes_everything_back_when_a_command_fails()
    {
        Put("a", "old");
        Put("text", "abc");
        _driver.Apply(into => PutCommand.Encode(into, "dying"u8, "d"u8, expiry: Expiry.At(5_000)));
        var before = _driver.Records();
        var result = new CommandResult(Apply(
            true,
            [],
            into => PutCommand.Encode(into, "a"u8, "1"u8),
            into => PutCommand.Encode(into, "a"u8, "2"u8),
            into => PutCommand.Encode(into, "new"u8, "3"u8),
            into => GetDeleteCommand.Encode(into, "dying"u8),
            into => RenameCommand.Encode(into, "a"u8, "b"u8),
            into => IncrementCommand.Encode(into, "text"u8, 1),
            into => PutCommand.Encode(into, "z"u8, "4"u8)));
        Assert.Equal(ResultStatus.NotAnInteger, result.Status);
        Assert.False(result.FailedOnCondition);
        Assert.Equal(5U, result.FailedNumber);
        Assert.Equal(before, _driver.Records());
        Assert.Equal(5_000, _driver.Machine.EarliestExpiry);
    }

    [Fact]
    public void An_absent_record_read_is_no_failure_and_clear_can_be_taken_back()
    {
        Assert.Equal(ResultStatus.Ok, new CommandResult(Apply(true, [], into => GetCommand.Encode(into, "no"u8), into => PutCommand.Encode(into, "a"u8, "1"u8))).Status);
        Assert.Equal(ResultStatus.NotFound, new CommandResult(Apply(true, [], ClearCommand.Encode, into => PutCommand.Encode(into, "b"u8, "2"u8), into => RenameCommand.Encode(into, "no"u8, "c"u8))).Status);
        Assert.Equal("1", Value("a"));
        Assert.Null(Value("b"));
        Assert.Equal(ResultStatus.Ok, new CommandResult(Apply(false, [], ClearCommand.Encode)).Status);
        Assert.Null(Value("a"));
    }

    [Fact]
    public void Batches_do_not_nest_and_hold_no_session_commands()
    {
        var results = new CommandResult(Apply(
            false, [], into => _ = new BatchBuilder(into), OpenSessionCommand.Encode, into => ResolveOutcomeCommand.Encode(into, 1, 1), into => ExpireDueCommand.Encode(into, 1))).Batch;
        for (var i = 0; i < 4; i++)
            Assert.True(results.MoveNext() && results.Current.Status == ResultStatus.Malformed);
    }

    [Fact]
    public void Reads_of_many_keys_are_one_query()
    {
        Put("a", "1");
        Put("b", "2");
        using var command = new PooledBuffer();
        var results = new CommandResult(_driver.Query(into =>
        {
            var batch = new BatchBuilder(into);
            foreach (var key in new[] { "a", "no", "b" })
            {
                command.Clear();
                GetCommand.Encode(command, Encoding.UTF8.GetBytes(key));
                batch.Add(command.Span);
            }
        })).Batch;
        Assert.True(results.MoveNext() && results.Current.Value.SequenceEqual("1"u8));
        Assert.True(results.MoveNext() && results.Current.Status == ResultStatus.NotFound);
        Assert.True(results.MoveNext() && results.Current.Value.SequenceEqual("2"u8));
    }

    private byte[] Apply(bool allOrNothing, (string Key, ulong Revision)[] conditions, params Action<PooledBuffer>[] commands) => _driver.Apply(into =>
    {
        var batch = new BatchBuilder(into, allOrNothing);
        foreach (var (key, revision) in conditions)
            batch.AddCondition(Encoding.UTF8.GetBytes(key), revision);
        using var command = new PooledBuffer();
        foreach (var encode in commands)
        {
            command.Clear();
            encode(command);
            batch.Add(command.Span);
        }
    });

    private void Put(string key, string value) => _driver.Apply(into => PutCommand.Encode(into, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)));

    private string? Value(string key)
    {
        var result = new CommandResult(_driver.Query(into => GetCommand.Encode(into, Encoding.UTF8.GetBytes(key))));
        return result.Status == ResultStatus.NotFound ? null : Encoding.UTF8.GetString(result.Value);
    }
}
