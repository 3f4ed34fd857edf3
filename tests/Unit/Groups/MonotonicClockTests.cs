using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

public sealed class MonotonicClockTests
{
    [Fact]
    public void Time_never_goes_backwards_and_advances()
    {
        var clock = MonotonicClock.Instance;
        var first = clock.Now;
        var last = first;
        for (var i = 0; i < 100_000; i++)
        {
            var now = clock.Now;
            Assert.True(now >= last, $"{now} after {last}");
            last = now;
        }

        Assert.True(last > first);
    }

    [Fact]
    public void It_counts_from_boot_in_nanoseconds_where_the_system_says_when_that_was()
    {
        if (!File.Exists("/proc/uptime"))
            return;
        var uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(MonotonicClock.Instance.Now / 1e9, uptime - 1, uptime + 60);
    }

    [Fact]
    public void Wall_time_is_in_milliseconds() =>
        Assert.InRange(MonotonicClock.Instance.UnixMilliseconds, 1_700_000_000_000, 10_000_000_000_000);
}
