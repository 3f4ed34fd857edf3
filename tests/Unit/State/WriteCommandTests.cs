using System.Text;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.State;

public sealed class WriteCommandTests : IDisposable
{
    private readonly CommandDriver _driver = new();

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void A_put_writes_and_reports_its_entry_as_revision()
    {
        var result = new CommandResult(_driver.Apply(into => PutCommand.Encode(into, "k"u8, "v"u8)));
        Assert.Equal(ResultStatus.Ok, result.Status);
        Assert.Equal(1UL, result.Revision);
        Assert.True(result.Body.IsEmpty);
        Assert.Equal("v", Value("k"));
    }

    [Fact]
    public void A_put_under_a_condition_that_does_not_hold_changes_nothing()
    {
        Put("k", "old");
        Assert.Equal(ResultStatus.ConditionFailed, Put("k", "new", PutCondition.IfAbsent));
        Assert.Equal(ResultStatus.ConditionFailed, Put("other", "new", PutCondition.IfPresent));
        Assert.Equal(ResultStatus.ConditionFailed, Put("k", "new", PutCondition.IfRevision, 7));
        Assert.Equal("old", Value("k"));
        Assert.Null(Value("other"));
        Assert.Equal(ResultStatus.Ok, Put("k", "new", PutCondition.IfRevision, 1));
        Assert.Equal(ResultStatus.Ok, Put("absent", "new", PutCondition.IfRevision, 0));
        Assert.Equal("new", Value("k"));
    }

    [Theory]
    [InlineData(PutCondition.None)]
    [InlineData(PutCondition.IfAbsent)]
    public void A_put_returns_the_old_value_whether_it_wrote_or_not(PutCondition condition)
    {
        var first = new CommandResult(_driver.Apply(into => PutCommand.Encode(into, "k"u8, "1"u8, condition, returnOld: true)));
        Assert.False(first.OldExisted);
        Assert.True(first.OldValue.IsEmpty);
        var second = new CommandResult(_driver.Apply(into => PutCommand.Encode(into, "k"u8, "2"u8, condition, returnOld: true)));
        Assert.True(second.OldExisted);
        Assert.True(second.OldValue.SequenceEqual("1"u8));
    }

    [Fact]
    public void A_put_clears_keeps_or_sets_the_expiry_as_told()
    {
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "1"u8, expiry: Expiry.At(5_000)));
        Assert.Equal(5_000, ExpireAt("k"));
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "2"u8, expiry: Expiry.Keep));
        Assert.Equal(5_000, ExpireAt("k"));
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "3"u8));
        Assert.Equal(0, ExpireAt("k"));
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "4"u8, expiry: Expiry.At(_driver.Time)));
        Assert.Null(Value("k"));
        _driver.Apply(into => PutCommand.Encode(into, "k"u8, "5"u8, expiry: Expiry.At(0)));
        Assert.Null(Value("k"));
    }

    [Fact]
    public void Deleting_counts_the_keys_that_were_there()
    {
        Put("a", "1");
        Put("b", "1");
        var result = new CommandResult(_driver.Apply(into =>
        {
            DeleteCommand.Encode(into, "a"u8);
            DeleteCommand.AddKey(into, "absent"u8);
            DeleteCommand.AddKey(into, "b"u8);
            DeleteCommand.AddKey(into, "b"u8);
        }));
        Assert.Equal(2, result.Number);
        Assert.Empty(_driver.Records());
    }

    [Fact]
    public void Compare_and_set_by_value_and_revision_writes_deletes_or_shows_what_is_there()
    {
        Put("k", "one");
        var failed = new CommandResult(_driver.Apply(into => CompareAndSetCommand.Encode(into, "k"u8, Expectation.OfValue("two"u8), "x"u8)));
        Assert.Equal(ResultStatus.ConditionFailed, failed.Status);
        Assert.Equal(1UL, failed.CurrentRevision);
        Assert.True(failed.CurrentValue.SequenceEqual("one"u8));
        Assert.Equal(ResultStatus.Ok, Status(_driver.Apply(into => CompareAndSetCommand.Encode(into, "k"u8, Expectation.OfValue("one"u8), "two"u8))));
        Assert.Equal(ResultStatus.ConditionFailed, Status(_driver.Apply(into => CompareAndSetCommand.Encode(into, "k"u8, Expectation.Absent, "x"u8))));
        Assert.Equal(ResultStatus.Ok, Status(_driver.Apply(into => CompareAndSetCommand.EncodeDelete(into, "k"u8, Expectation.OfRevision(3)))));
        Assert.Null(Value("k"));
        Assert.Equal(ResultStatus.Ok, Status(_driver.Apply(into => CompareAndSetCommand.Encode(into, "k"u8, Expectation.Absent, ""u8))));
        Assert.Equal("", Value("k"));
        var absent = new CommandResult(_driver.Apply(into => CompareAndSetCommand.Encode(into, "no"u8, Expectation.OfValue(""u8), "x"u8)));
        Assert.Equal(ResultStatus.ConditionFailed, absent.Status);
        Assert.Equal(0UL, absent.CurrentRevision);
    }

    [Fact]
    public void Incrementing_follows_the_rules_of_Redis()
    {
        Assert.Equal(5, Number(_driver.Apply(into => IncrementCommand.Encode(into, "n"u8, 5))));
        _driver.Apply(into => ExpireCommand.Encode(into, "n"u8, Expiry.At(9_000)));
        Assert.Equal(-2, Number(_driver.Apply(into => IncrementCommand.Encode(into, "n"u8, -7))));
        Assert.Equal("-2", Value("n"));
        Assert.Equal(9_000, ExpireAt("n"));
        Put("n", "9223372036854775807");
        Assert.Equal(ResultStatus.Overflow, Status(_driver.Apply(into => IncrementCommand.Encode(into, "n"u8, 1))));
        Put("n", "-9223372036854775808");
        Assert.Equal(ResultStatus.Overflow, Status(_driver.Apply(into => IncrementCommand.Encode(into, "n"u8, -1))));
        Assert.Equal(-1, Number(_driver.Apply(into => IncrementCommand.Encode(into, "n"u8, long.MaxValue))));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("+1")]
    [InlineData("01")]
    [InlineData("-0")]
    [InlineData("1.0")]
    [InlineData("9223372036854775808")]
    [InlineData("abc")]
    public void A_value_that_is_no_canonical_integer_is_refused(string value)
    {
        Put("n", value);
        Assert.Equal(ResultStatus.NotAnInteger, Status(_driver.Apply(into => IncrementCommand.Encode(into, "n"u8, 1))));
        Assert.Equal(value, Value("n"));
    }

    [Theory]
    [InlineData("10.50", "0.1", "10.6")]
    [InlineData("0.1", "0.2", "0.3")]
    [InlineData("5.0e3", "2.0e2", "5200")]
    [InlineData("3", "-3.0", "0")]
    [InlineData("1e30", "1", "1000000000000000019884624838656")]
    [InlineData("12345678901234567", "0.5", "12345678901234567.5")]
    [InlineData("-0.000000000000000001", "0", "0")]
    [InlineData("1", "1e-17", "1.00000000000000001")]
    public void Float_increments_are_exact_in_decimal_and_without_exponent(string value, string delta, string sum)
    {
        Put("n", value);
        var result = new CommandResult(_driver.Apply(into => IncrementFloatCommand.Encode(into, "n"u8, Encoding.UTF8.GetBytes(delta))));
        Assert.Equal(ResultStatus.Ok, result.Status);
        Assert.Equal(sum, Encoding.UTF8.GetString(result.Body));
        Assert.Equal(sum, Value("n"));
    }

    [Theory]
    [InlineData("1", "nan", ResultStatus.NotAFloat)]
    [InlineData("1", "Infinity", ResultStatus.NotAFloat)]
    [InlineData("1", "", ResultStatus.NotAFloat)]
    [InlineData("x", "1", ResultStatus.NotAFloat)]
    [InlineData("1", " 1", ResultStatus.NotAFloat)]
    [InlineData("1.7e308", "1.7e308", ResultStatus.Overflow)]
    public void Float_increments_refuse_what_is_not_a_finite_number(string value, string delta, ResultStatus status)
    {
        Put("n", value);
        Assert.Equal(status, Status(_driver.Apply(into => IncrementFloatCommand.Encode(into, "n"u8, Encoding.UTF8.GetBytes(delta)))));
        Assert.Equal(value, Value("n"));
    }

    [Fact]
    public void Append_and_set_range_extend_values_and_keep_the_expiry()
    {
        Assert.Equal(3, Number(_driver.Apply(into => AppendCommand.Encode(into, "k"u8, "abc"u8))));
        _driver.Apply(into => ExpireCommand.Encode(into, "k"u8, Expiry.At(9_000)));
        Assert.Equal(5, Number(_driver.Apply(into => AppendCommand.Encode(into, "k"u8, "de"u8))));
        Assert.Equal(5, Number(_driver.Apply(into => SetRangeCommand.Encode(into, "k"u8, 1, "XY"u8))));
        Assert.Equal(9, Number(_driver.Apply(into => SetRangeCommand.Encode(into, "k"u8, 8, "Z"u8))));
        Assert.Equal("aXYde\0\0\0Z", Value("k"));
        Assert.Equal(9_000, ExpireAt("k"));
        Assert.Equal(0, Number(_driver.Apply(into => SetRangeCommand.Encode(into, "new"u8, 5, ""u8))));
        Assert.Null(Value("new"));
        Assert.Equal(9, Number(_driver.Apply(into => SetRangeCommand.Encode(into, "k"u8, 50, ""u8))));
    }

    [Theory]
    [InlineData(CommandLimits.ValueCeiling)]
    [InlineData(ulong.MaxValue)]
    [InlineData((ulong)long.MaxValue)]
    public void A_range_that_ends_beyond_the_ceiling_is_refused(ulong offset)
    {
        Assert.Equal(ResultStatus.TooLarge, Status(_driver.Apply(into => SetRangeCommand.Encode(into, "k"u8, offset, "x"u8))));
        Assert.Empty(_driver.Records());
    }

    [Fact]
    public void Keys_at_the_ceiling_are_stored_and_longer_ones_refused()
    {
        var (longest, tooLong) = (new byte[CommandLimits.KeyCeiling], new byte[CommandLimits.KeyCeiling + 1]);
        Assert.Equal(ResultStatus.Ok, Status(_driver.Apply(into => PutCommand.Encode(into, longest, "v"u8))));
        Assert.Equal(ResultStatus.TooLarge, Status(_driver.Apply(into => PutCommand.Encode(into, tooLong, "v"u8))));
        Assert.Equal(ResultStatus.TooLarge, Status(_driver.Apply(into => RenameCommand.Encode(into, longest, tooLong))));
        Assert.Equal(ResultStatus.TooLarge, Status(_driver.Apply(into => IncrementCommand.Encode(into, tooLong, 1))));
        Assert.Equal(0, Number(_driver.Apply(into => DeleteCommand.Encode(into, tooLong))));
        Assert.Equal(1, Number(_driver.Apply(into => DeleteCommand.Encode(into, longest))));
    }

    [Fact]
    public void Renaming_moves_value_and_expiry()
    {
        _driver.Apply(into => PutCommand.Encode(into, "a"u8, "v"u8, expiry: Expiry.At(7_000)));
        Put("b", "other");
        Assert.Equal(0, Number(_driver.Apply(into => RenameCommand.Encode(into, "a"u8, "b"u8, onlyIfAbsent: true))));
        Assert.Equal(1, Number(_driver.Apply(into => RenameCommand.Encode(into, "a"u8, "b"u8))));
        Assert.Null(Value("a"));
        Assert.Equal("v", Value("b"));
        Assert.Equal(7_000, ExpireAt("b"));
        Assert.Equal(ResultStatus.NotFound, Status(_driver.Apply(into => RenameCommand.Encode(into, "a"u8, "b"u8))));
        Assert.Equal(1, Number(_driver.Apply(into => RenameCommand.Encode(into, "b"u8, "c"u8, copy: true))));
        Assert.Equal("v", Value("b"));
        Assert.Equal("v", Value("c"));
        Assert.Equal(1, Number(_driver.Apply(into => RenameCommand.Encode(into, "b"u8, "b"u8))));
        Assert.Equal("v", Value("b"));
    }

    [Fact]
    public void Clear_removes_user_keys_and_leaves_the_sessions()
    {
        var session = _driver.OpenSession();
        Put("a", "1");
        Assert.Equal(1, Number(_driver.Apply(ClearCommand.Encode, session, 1)));
        Assert.Empty(_driver.Records());
        _driver.Restart();
        Assert.Equal(1, Number(_driver.Apply(ClearCommand.Encode, session, 1)));
    }

    private static ResultStatus Status(byte[] result) => new CommandResult(result).Status;

    private static long Number(byte[] result)
    {
        var read = new CommandResult(result);
        Assert.Equal(ResultStatus.Ok, read.Status);
        return read.Number;
    }

    private ResultStatus Put(string key, string value, PutCondition condition = PutCondition.None, ulong revision = 0) =>
        Status(_driver.Apply(into => PutCommand.Encode(into, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), condition, revision)));

    private string? Value(string key)
    {
        var result = new CommandResult(_driver.Query(into => GetCommand.Encode(into, Encoding.UTF8.GetBytes(key))));
        return result.Status == ResultStatus.NotFound ? null : Encoding.UTF8.GetString(result.Value);
    }

    private long ExpireAt(string key) => new CommandResult(_driver.Query(into => GetCommand.Encode(into, Encoding.UTF8.GetBytes(key), headerOnly: true))).ExpireAt;
}
