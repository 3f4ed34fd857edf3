using System.Globalization;
using System.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

public sealed class ReadCommandTests : IDisposable
{
    private readonly CommandDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void A_get_returns_value_revision_and_expiry_of_the_record()
    {
        Put("other", "x");
        Put("k", "v", Expiry.At(8_000));
        var result = new CommandResult(_driver.Query(into => GetCommand.Encode(into, "k"u8)));
        Assert.Equal(ResultStatus.Ok, result.Status);
        Assert.Equal(2UL, result.Revision);
        Assert.Equal(8_000, result.ExpireAt);
        Assert.True(result.Value.SequenceEqual("v"u8));
        var header = new CommandResult(_driver.Query(into => GetCommand.Encode(into, "k"u8, headerOnly: true)));
        Assert.Equal((2UL, 8_000L, 0), (header.Revision, header.ExpireAt, header.Value.Length));
        var absent = new CommandResult(_driver.Query(into => GetCommand.Encode(into, "no"u8)));
        Assert.Equal((ResultStatus.NotFound, 0UL), (absent.Status, absent.Revision));
    }

    [Fact]
    public void A_key_lives_through_the_millisecond_of_its_expiry_and_is_absent_behind_it()
    {
        Put("k", "v", Expiry.At(2_000));
        AdvanceTo(2_000);
        Assert.Equal(ResultStatus.Ok, Get("k"));
        AdvanceTo(2_001);
        Assert.Equal(ResultStatus.NotFound, Get("k"));
        Assert.Equal(1, _driver.State.Count(Keyspace.User));
        Assert.Equal(1, new CommandResult(_driver.Apply(into => AppendCommand.Encode(into, "k"u8, "x"u8))).Number);
    }

    [Fact]
    public void A_leader_with_a_slower_clock_cannot_bring_an_expired_key_back()
    {
        Put("k", "v", Expiry.At(2_000));
        AdvanceTo(3_000);
        AdvanceTo(1_500);
        Assert.Equal(3_000, _driver.Machine.Applied.Time);
        Assert.Equal(ResultStatus.NotFound, Get("k"));
    }

    [Fact]
    public void Expire_due_removes_the_due_keys_earliest_first_and_no_more_than_told()
    {
        Put("c", "1", Expiry.At(2_000));
        Put("b", "1", Expiry.At(1_500));
        Put("a", "1", Expiry.At(9_000));
        Put("z", "1");
        Assert.Equal(1_500, _driver.Machine.EarliestExpiry);
        AdvanceTo(2_500);
        Assert.Equal(1, new CommandResult(_driver.Apply(into => ExpireDueCommand.Encode(into, 1))).Number);
        Assert.Equal(2_000, _driver.Machine.EarliestExpiry);
        Assert.Equal(1, new CommandResult(_driver.Apply(into => ExpireDueCommand.Encode(into, 10))).Number);
        Assert.Equal(2, _driver.State.Count(Keyspace.User));
    }

    [Theory]
    [InlineData(0, ExpireCondition.None, 2_000, 1)]
    [InlineData(0, ExpireCondition.IfNone, 2_000, 1)]
    [InlineData(0, ExpireCondition.IfSome, 2_000, 0)]
    [InlineData(0, ExpireCondition.IfLater, 2_000, 0)]
    [InlineData(0, ExpireCondition.IfEarlier, 2_000, 1)]
    [InlineData(3_000, ExpireCondition.IfNone, 2_000, 0)]
    [InlineData(3_000, ExpireCondition.IfSome, 2_000, 1)]
    [InlineData(3_000, ExpireCondition.IfLater, 2_000, 0)]
    [InlineData(3_000, ExpireCondition.IfLater, 3_000, 0)]
    [InlineData(3_000, ExpireCondition.IfLater, 3_001, 1)]
    [InlineData(3_000, ExpireCondition.IfEarlier, 2_999, 1)]
    [InlineData(3_000, ExpireCondition.IfEarlier, 3_000, 0)]
    [InlineData(0, ExpireCondition.IfSomeAndEarlier, 2_000, 0)]
    [InlineData(3_000, ExpireCondition.IfSomeAndEarlier, 2_999, 1)]
    [InlineData(3_000, ExpireCondition.IfSomeAndEarlier, 3_000, 0)]
    public void Expire_obeys_its_condition(long before, ExpireCondition condition, long time, long expected)
    {
        Put("k", "v", before == 0 ? Expiry.None : Expiry.At(before));
        Assert.Equal(expected, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.At(time), condition))).Number);
        var result = new CommandResult(_driver.Query(into => GetCommand.Encode(into, "k"u8)));
        Assert.Equal(expected == 1 ? time : before, result.ExpireAt);
        Assert.True(result.Value.SequenceEqual("v"u8));
    }

    [Fact]
    public void Expire_at_a_time_already_reached_deletes_and_persist_removes_the_expiry()
    {
        Put("k", "v", Expiry.At(5_000));
        Assert.Equal(1, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.None))).Number);
        Assert.Equal(0, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.None))).Number);
        Assert.Equal(1, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.At(1_000)))).Number);
        Assert.Empty(_driver.Records());
        Assert.Equal(0, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.At(9_000)))).Number);
    }

    [Fact]
    public void A_duration_counts_from_state_machine_time_of_its_entry()
    {
        Put("k", "v", Expiry.After(500));
        _driver.Time = 1_200;
        Assert.Equal(1, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.After(400), ExpireCondition.IfLater))).Number);
        Assert.Equal(0, new CommandResult(_driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.After(400), ExpireCondition.IfLater))).Number);
        Assert.Equal(1_600, new CommandResult(_driver.Query(into => GetCommand.Encode(into, "k"u8))).ExpireAt);
        Put("k", "v", Expiry.After(long.MaxValue));
        Assert.Equal(long.MaxValue, new CommandResult(_driver.Query(into => GetCommand.Encode(into, "k"u8))).ExpireAt);
        Put("k", "v", Expiry.After(0));
        Assert.Equal(ResultStatus.NotFound, Get("k"));
    }

    [Fact]
    public void Get_delete_and_get_expire_return_the_record_as_it_was()
    {
        Put("k", "v", Expiry.At(5_000));
        var first = new CommandResult(_driver.Apply(into => GetExpireCommand.Encode(into, "k"u8, Expiry.At(6_000))));
        Assert.Equal((1UL, 5_000L), (first.Revision, first.ExpireAt));
        var second = new CommandResult(_driver.Apply(into => GetExpireCommand.Encode(into, "k"u8, Expiry.None)));
        Assert.Equal((2UL, 6_000L), (second.Revision, second.ExpireAt));
        var third = new CommandResult(_driver.Apply(into => GetExpireCommand.Encode(into, "k"u8, Expiry.None)));
        Assert.Equal((3UL, 0L), (third.Revision, third.ExpireAt));
        var last = new CommandResult(_driver.Apply(into => GetDeleteCommand.Encode(into, "k"u8)));
        Assert.Equal(3UL, last.Revision);
        Assert.True(last.Value.SequenceEqual("v"u8));
        Assert.Equal(ResultStatus.NotFound, new CommandResult(_driver.Apply(into => GetDeleteCommand.Encode(into, "k"u8))).Status);
    }

    [Theory]
    [InlineData(1u, 1_000u)]
    [InlineData(3u, 1_000u)]
    [InlineData(100u, 1u)]
    [InlineData(100u, 60u)]
    [InlineData(0u, 0u)]
    public void Pages_of_a_scan_put_together_are_the_range(uint maxCount, uint maxBytes)
    {
        var expected = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            var key = "p" + i.ToString("D2", CultureInfo.InvariantCulture);
            Put(key, "value" + key, i % 5 == 4 ? Expiry.At(1_500) : Expiry.None);
            if (i % 5 != 4 && i is >= 2 and < 17)
                expected.Add(key + "=value" + key);
        }
        Put("o", "before");
        Put("q", "after");
        AdvanceTo(2_000);
        Assert.Equal(expected, ReadAll("p", "p02", "p17", maxCount, maxBytes));
    }

    [Fact]
    public void A_scan_without_bounds_sees_every_key_even_the_empty_one()
    {
        Put("", "nothing");
        Put("\uffff", "last");
        Put("a", "1");
        Assert.Equal(["=nothing", "a=1", "\uffff=last"], ReadAll("", "", "", 2, 1_000));
    }

    [Fact]
    public void A_scan_of_keys_only_leaves_the_values_out()
    {
        Put("a", "1");
        Put("b", "2", Expiry.At(4_000));
        var result = new CommandResult(_driver.Query(into => ScanCommand.Encode(into, [], [], false, [], 10, 1_000, keysOnly: true)));
        var page = result.Scan;
        Assert.Equal(2U, page.Count);
        Assert.False(page.HasMore);
        Assert.True(page.MoveNext());
        Assert.True(page.Key.SequenceEqual("a"u8) && page.Value.IsEmpty && page.Revision == 1 && page.ExpireAt == 0);
        Assert.True(page.MoveNext());
        Assert.True(page.Key.SequenceEqual("b"u8) && page.Revision == 2 && page.ExpireAt == 4_000);
        Assert.False(page.MoveNext());
    }

    [Fact]
    public void Count_and_key_at_see_the_keys()
    {
        Assert.Equal(ResultStatus.NotFound, new CommandResult(_driver.Query(into => KeyAtCommand.Encode(into, 5))).Status);
        Put("a", "1");
        Put("b", "1", Expiry.At(1_500));
        Put("c", "1");
        Assert.Equal(3, new CommandResult(_driver.Query(CountCommand.Encode)).Number);
        AdvanceTo(1_501);
        var drawn = new SortedSet<string>(StringComparer.Ordinal);
        for (var number = 0UL; number < 9; number++)
            drawn.Add(Encoding.UTF8.GetString(new CommandResult(_driver.Query(into => KeyAtCommand.Encode(into, number))).Body));
        drawn.Add(Encoding.UTF8.GetString(new CommandResult(_driver.Query(into => KeyAtCommand.Encode(into, ulong.MaxValue))).Body));
        Assert.Equal(["a", "c"], drawn);
    }

    [Fact]
    public void A_query_refuses_everything_that_would_write()
    {
        Action<PooledBuffer>[] writes =
        [
            into => PutCommand.Encode(into, "k"u8, "v"u8), into => DeleteCommand.Encode(into, "k"u8), into => ClearCommand.Encode(into),
            into => GetDeleteCommand.Encode(into, "k"u8), into => ExpireDueCommand.Encode(into, 9), into => OpenSessionCommand.Encode(into), into => ResolveOutcomeCommand.Encode(into, 1, 1),
        ];
        Put("k", "v");
        foreach (var write in writes)
            Assert.Equal(ResultStatus.Malformed, new CommandResult(_driver.Query(write)).Status);
        var batch = new CommandResult(_driver.Query(into => Batch(into, false, write: writes[1])));
        Assert.True(batch.Batch is var results && results.MoveNext() && results.Current.Status == ResultStatus.Malformed);
        Assert.Equal(ResultStatus.Ok, Get("k"));
    }

    private static void Batch(PooledBuffer into, bool allOrNothing, Action<PooledBuffer> write)
    {
        var builder = new BatchBuilder(into, allOrNothing);
        using var command = new PooledBuffer();
        write(command);
        builder.Add(command.Span);
    }

    private List<string> ReadAll(string prefix, string from, string end, uint maxCount, uint maxBytes)
    {
        var read = new List<string>();
        var (cursor, exclusive) = (Encoding.UTF8.GetBytes(from), false);
        while (true)
        {
            var page = new CommandResult(_driver.Query(into =>
                ScanCommand.Encode(into, Encoding.UTF8.GetBytes(prefix), cursor, exclusive, Encoding.UTF8.GetBytes(end), maxCount, maxBytes))).Scan;
            Assert.True(page.Count <= Math.Max(maxCount, 1));
            while (page.MoveNext())
                read.Add(Encoding.UTF8.GetString(page.Key) + "=" + Encoding.UTF8.GetString(page.Value));
            if (!page.HasMore)
                return read;
            (cursor, exclusive) = (page.Cursor.ToArray(), true);
        }
    }

    private void Put(string key, string value, Expiry expiry = default) =>
        _driver.Apply(into => PutCommand.Encode(into, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), expiry: expiry));

    private ResultStatus Get(string key) => new CommandResult(_driver.Query(into => GetCommand.Encode(into, Encoding.UTF8.GetBytes(key)))).Status;

    private void AdvanceTo(long time)
    {
        _driver.Time = time;
        _driver.Machine.ApplyEmpty(new AppliedPosition(_driver.Index + 1, 1, 0), time);
    }
}
