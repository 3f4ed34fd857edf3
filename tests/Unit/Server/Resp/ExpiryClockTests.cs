using System.Globalization;
using RaftKv.Tests.Harness;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

/// <summary>Times to live by a group's time that has nothing to do with wall clocks: relative ones are what they say, and so are dates.</summary>
public sealed class ExpiryClockTests : IDisposable
{
    private const long Wall = 1_795_248_000_000;

    private readonly RespFixture _fixture = new(MemoryExecutorMode.Inline);
    private readonly RespFixture.Client _client;

    public ExpiryClockTests() => _client = _fixture.Connect();

    public static TheoryData<long> Errors => [0, 3_600_000, -3_600_000, 56L * 365 * 86_400_000, -40L * 365 * 86_400_000];

    [Theory]
    [MemberData(nameof(Errors))]
    public void A_relative_time_to_live_is_counted_from_the_group_s_time(long error)
    {
        Set(error, 0);
        string[][] writes =
        [
            ["SET", "k", "v", "EX", "30"], ["SET", "k", "v", "PX", "30000"], ["SETEX", "k", "30", "v"], ["PSETEX", "k", "30000", "v"], ["EXPIRE", "k", "30"], ["PEXPIRE", "k", "30000"],
            ["GETEX", "k", "EX", "30"], ["GETEX", "k", "PX", "30000"],
        ];
        foreach (var write in writes)
        {
            _client.Do("SET", "k", "v");
            _client.Do(write);
            Assert.Equal(":30000\r\n", _client.Do("PTTL", "k"));
            Assert.Equal(":30\r\n", _client.Do("TTL", "k"));
            Assert.Equal("$1\r\nv\r\n", _client.Do("GET", "k"));
        }

        Set(error, 30_000);
        Assert.Equal("$1\r\nv\r\n", _client.Do("GET", "k"));
        Assert.Equal(":0\r\n", _client.Do("PTTL", "k"));
        Set(error, 30_001);
        Assert.Equal("$-1\r\n", _client.Do("GET", "k"));
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public void A_lock_is_granted_once_in_its_time_to_live(long error)
    {
        Set(error, 0);
        Assert.Equal("+OK\r\n", _client.Do("SET", "lock", "a", "NX", "PX", "5000"));
        Set(error, 5000);
        Assert.Equal("$-1\r\n", _client.Do("SET", "lock", "b", "NX", "PX", "5000"));
        Set(error, 5001);
        Assert.Equal("+OK\r\n", _client.Do("SET", "lock", "c", "NX", "PX", "5000"));
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public void A_date_is_one_of_the_wall_clocks_and_is_told_as_it_was_given(long error)
    {
        Set(error, 0);
        var date = (Wall + 90_000).ToString(CultureInfo.InvariantCulture);
        var seconds = ((Wall + 90_000) / 1000).ToString(CultureInfo.InvariantCulture);
        string[][] writes =
        [
            ["SET", "k", "v", "PXAT", date], ["SET", "k", "v", "EXAT", seconds], ["EXPIREAT", "k", seconds], ["PEXPIREAT", "k", date], ["GETEX", "k", "EXAT", seconds], ["GETEX", "k", "PXAT", date],
        ];
        foreach (var write in writes)
        {
            _client.Do("SET", "k", "v");
            _client.Do(write);
            Assert.Equal(":90000\r\n", _client.Do("PTTL", "k"));
            Assert.Equal($":{date}\r\n", _client.Do("PEXPIRETIME", "k"));
            Assert.Equal($":{seconds}\r\n", _client.Do("EXPIRETIME", "k"));
        }

        Assert.Equal(":1\r\n", _client.Do("PEXPIREAT", "k", (Wall - 1).ToString(CultureInfo.InvariantCulture)));
        Assert.Equal("$-1\r\n", _client.Do("GET", "k"));
    }

    [Fact]
    public void What_clocks_always_differ_by_changes_no_date()
    {
        (_fixture.Executor.Time, _fixture.Executor.WallLead) = (Wall - 999, 999);
        _client.Do("SET", "k", "v", "PXAT", (Wall + 90_000).ToString(CultureInfo.InvariantCulture));
        (_fixture.Executor.Time, _fixture.Executor.WallLead) = (Wall + 999, -999);
        Assert.Equal($":{Wall + 90_000}\r\n", _client.Do("PEXPIRETIME", "k"));
    }

    [Theory]
    [InlineData("9223372036854775807", "PX")]
    [InlineData("9223372036854775", "EX")]
    [InlineData("9223372036854776", "EXAT")]
    [InlineData("0", "PX")]
    [InlineData("-1", "EX")]
    public void A_time_that_does_not_fit_or_is_not_positive_is_refused(string time, string unit)
    {
        Set(0, 0);
        Assert.Equal("-ERR invalid expire time in 'set' command\r\n", _client.Do("SET", "k", "v", unit, time));
    }

    [Theory]
    [InlineData("EXPIRE", "-1")]
    [InlineData("PEXPIRE", "0")]
    [InlineData("PEXPIRE", "-9223372036854775807")]
    public void A_time_to_live_that_is_over_removes_the_key(string command, string time)
    {
        Set(0, 0);
        _client.Do("SET", "k", "v");
        Assert.Equal(":1\r\n", _client.Do(command, "k", time));
        Assert.Equal("$-1\r\n", _client.Do("GET", "k"));
    }

    public void Dispose() => _fixture.Dispose();

    /// <summary>The wall clocks show <see cref="Wall"/> and what has passed since; the group's time is so far ahead of them.</summary>
    private void Set(long error, long passed)
    {
        (_fixture.Executor.Time, _fixture.Executor.WallLead) = (Wall + error + passed, -error);
        _fixture.Executor.Expire(_fixture.Executor.Time);
    }
}
