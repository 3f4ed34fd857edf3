using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>A majority of wall clocks is believed, and what is odd is told once.</summary>
public class WallClocksTests
{
    private const long Second = 1_000_000_000, Start = 1_795_248_000_000;

    private readonly TestClock _clock = new();
    private readonly List<string> _lines = [];

    [Theory]
    [InlineData(1, 0L, new long[0])]
    [InlineData(3, 0L, new[] { 0L, 3_600_000L })]
    [InlineData(3, 0L, new[] { 0L, -3_600_000L })]
    [InlineData(3, 3_600_000L, new[] { 3_600_000L, 3_600_000L })]
    [InlineData(5, 0L, new[] { 0L, 0L, 3_600_000L, 7_200_000L })]
    [InlineData(4, 0L, new[] { 0L, 0L, 3_600_000L })]
    // Two of three are known: the one that is behind decides, whichever is wrong.
    [InlineData(3, 0L, new[] { 3_600_000L })]
    [InlineData(3, -3_600_000L, new[] { -3_600_000L })]
    public void What_a_majority_has_reached_is_believed(int nodes, long error, long[] others)
    {
        var clocks = Make(nodes);
        for (var i = 0; i < others.Length; i++)
            clocks.Report((ulong)i + 2, Start + others[i], 0);
        Assert.Equal((Start + error) * 1000, clocks.Reference);
        Assert.Equal(-error, clocks.ErrorOf(1));
        for (var i = 0; i < others.Length; i++)
            Assert.Equal(others[i] - error, clocks.ErrorOf((ulong)i + 2));
    }

    [Fact]
    public void Nothing_is_believed_before_a_majority_is_known()
    {
        var clocks = Make(5);
        clocks.Report(2, Start, 0);
        // Neither oneself again, nor a stranger, nor a date that there is not.
        clocks.Report(1, Start, 0);
        clocks.Report(9, Start, 0);
        clocks.Report(3, -1, 0);
        clocks.Report(3, long.MaxValue, 0);
        Assert.Equal(LogClock.Unknown, clocks.Reference);
        Assert.Null(clocks.ErrorOf(1));
        clocks.Report(3, Start, 0);
        Assert.Equal(Start * 1000, clocks.Reference);
        Assert.Null(clocks.ErrorOf(4));
    }

    [Fact]
    public void A_jump_is_told_once_with_its_size_and_direction()
    {
        var clocks = Make(3);
        clocks.Report(2, Start, 0);
        clocks.Report(3, Start, 0);
        for (var second = 1; second < 10; second++)
        {
            _clock.Now += Second;
            _clock.Jump += second == 5 ? 3_600_000 : second == 7 ? -3_600_000 : 0;
            clocks.Look(_clock.Now);
        }

        Assert.Equal(
            [
                "Warning: this node's wall clock was set forward by 3600.000 s; times to live are counted by monotonic clocks and do not change",
                "Warning: this node's wall clock is 3600.000 s ahead of what the clocks of a majority of the nodes show; it is not used while that is so",
                "Warning: this node's wall clock was set back by 3600.000 s; times to live are counted by monotonic clocks and do not change",
                "Information: this node's wall clock agrees with a majority of the nodes again",
            ],
            _lines);
    }

    [Fact]
    public void A_clock_that_drifts_within_the_bound_is_not_said_to_jump()
    {
        var clocks = Make(1);
        for (var minute = 0; minute < 5; minute++)
        {
            _clock.Now += 60 * Second;
            _clock.Jump += 60 * 20;
            clocks.Look(_clock.Now);
        }

        Assert.Empty(_lines);
    }

    private WallClocks Make(int nodes) => new(
        new NodeConfiguration
        {
            Self = 1,
            Members = [.. Enumerable.Range(1, nodes).Select(n => new Member((ulong)n, $"n{n}", ""))],
            Groups = 1,
            Shards = 1,
            Raft = new RaftOptions { Self = 1 },
            Seed = 1,
        },
        _clock,
        new ListLogger(_lines));

    private sealed class TestClock : IClock
    {
        public long Now { get; set; }

        public long Jump { get; set; }

        public long UnixMilliseconds => Start + (Now / 1_000_000) + Jump;
    }

    private sealed class ListLogger(List<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
