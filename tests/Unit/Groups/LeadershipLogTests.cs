using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Shards;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>What an operator reads of elections: one line for all groups that one cause moved.</summary>
public sealed class LeadershipLogTests : IDisposable
{
    private const long Millisecond = 1_000_000;

    private readonly ShardFixture _node = new(members: 3);
    private readonly Lines _lines = new();
    private readonly LeadershipLog _log;

    public LeadershipLogTests() => _log = new LeadershipLog(_node.Shard.Configuration, _lines, 0);

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Many_groups_that_lose_their_leader_together_are_one_line_with_cause_and_duration()
    {
        for (uint group = 1; group <= 8; group++)
            _log.OnChanged(group, 1, 3, true, 100 * Millisecond);
        _log.Tick(299 * Millisecond);
        Assert.Empty(_lines.All);
        _log.Tick(300 * Millisecond);
        Assert.Equal("Information: n1 leads groups 1-8 in term 3, after 100 ms without a leader: this node has started", Assert.Single(_lines.All));
        _lines.All.Clear();
        foreach (uint group in new[] { 1, 2, 3, 5 })
            _log.OnChanged(group, 0, 3, false, 60_000 * Millisecond);
        foreach (uint group in new[] { 1, 2, 3, 5 })
            _log.OnChanged(group, 2, 3 + group, true, (60_120 + group) * Millisecond);
        _log.Tick(61_000 * Millisecond);
        Assert.Equal("Information: n2 leads groups 1-3, 5 in terms 4 to 8, after 125 ms without a leader: this node heard from no quorum, or of a higher term", Assert.Single(_lines.All));
    }

    [Fact]
    public void A_lost_connection_is_named_and_a_group_that_stays_without_a_leader_is_told_of_once()
    {
        _log.OnChanged(4, 3, 1, true, 0);
        _log.Tick(1_000 * Millisecond);
        _lines.All.Clear();
        _log.OnChanged(4, 0, 1, false, 2_000 * Millisecond);
        _log.Tick(2_900 * Millisecond);
        Assert.Empty(_lines.All);
        for (var ms = 3_000; ms < 9_000; ms += 100)
            _log.Tick(ms * Millisecond);
        Assert.Equal("Warning: group 4 without a leader for 1000 ms: the connection to n3 was lost", Assert.Single(_lines.All));
        _log.OnChanged(4, 3, 2, true, 9_000 * Millisecond);
        _log.Tick(20_000 * Millisecond);
        Assert.Equal("Information: n3 leads group 4 in term 2, after 7000 ms without a leader: the connection to n3 was lost", _lines.All[^1]);
        Assert.Equal(long.MaxValue, _log.NextDeadline);
    }

    [Fact]
    public void Elections_that_do_not_end_do_not_flood_the_log()
    {
        for (var ms = 0; ms < 600_000; ms += 50)
        {
            _log.OnChanged(1, (ulong)(1 + (ms / 50 % 3)), (ulong)ms, true, ms * Millisecond);
            _log.Tick(ms * Millisecond);
        }

        Assert.InRange(_lines.All.Count, 30, 80);
    }

    private sealed class Lines : ILogger
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
