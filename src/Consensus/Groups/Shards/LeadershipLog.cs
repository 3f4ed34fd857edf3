using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Raft;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Tells an operator who leads, since when, and why that changed: what happens to many groups at once, as when a node dies, is one line. One per shard, its thread's alone.
/// </summary>
/// <remarks>Invariant: each group is in at most one line per interval; what changes several times meanwhile is told as it is at the end.</remarks>
internal sealed partial class LeadershipLog(NodeConfiguration configuration, ILogger logger, long startedAt)
{
    /// <summary>Changes of this long are told together: 200 ms, and twice as long after each time, up to 10 s, as long as it goes on.</summary>
    private const long ShortestInterval = 200_000_000, LongestInterval = 10_000_000_000;

    /// <summary>A group without a leader for this long is told of, once: 1 s.</summary>
    private const long LongWithout = 1_000_000_000;

    private readonly Dictionary<uint, State> _groups = [];
    private readonly List<State> _changed = [];
    private readonly List<State> _leaderless = [];
    private long _interval = ShortestInterval;
    private long _toldAt = long.MinValue / 2;

    /// <summary>When <see cref="Tick"/> wants to be called next.</summary>
    public long NextDeadline { get; private set; } = long.MaxValue;

    /// <summary>A group's leader, as this node knows it, is another one, or none.</summary>
    public void OnChanged(uint group, ulong leader, ulong term, bool isConnectedToOld, long now)
    {
        var state = Find(group);
        if (state.Leader == leader && leader != 0)
            return;
        if (state.Leader != 0)
        {
            state.LostAt = now;
            state.Cause = Cause(state, leader, isConnectedToOld);
            state.TransferredTo = 0;
        }

        (state.Leader, state.Term) = (leader, term);
        if (leader == 0)
        {
            if (!_leaderless.Contains(state))
                _leaderless.Add(state);
            NextDeadline = Math.Min(NextDeadline, now + LongWithout);
            return;
        }

        state.Without = Math.Max(0, now - state.LostAt);
        if (!_changed.Contains(state))
            _changed.Add(state);
        if (now - _toldAt > 2 * LongestInterval)
            _interval = ShortestInterval;
        NextDeadline = Math.Min(NextDeadline, now + _interval);
    }

    /// <summary>This node, which leads a group, asks another to take it over.</summary>
    public void OnTransfer(uint group, ulong target) => Find(group).TransferredTo = target;

    /// <summary>Writes what there is to say.</summary>
    public void Tick(long now)
    {
        if (now < NextDeadline)
            return;
        NextDeadline = long.MaxValue;
        foreach (var line in _changed.Where(s => s.Leader != 0).GroupBy(s => (s.Leader, s.Cause)))
            LogLeads(Name(line.Key.Leader), Groups(line), Range(line.Min(s => s.Term), line.Max(s => s.Term), "term"), line.Max(s => s.Without) / 1_000_000, line.Key.Cause);
        if (_changed.Count > 0)
            (_toldAt, _interval) = (now, Math.Min(2 * _interval, LongestInterval));
        _changed.Clear();
        _leaderless.RemoveAll(s => s.Leader != 0);
        var due = _leaderless.Where(s => now - s.LostAt >= LongWithout).ToList();
        foreach (var line in due.GroupBy(s => s.Cause))
            LogLeaderless(Groups(line), line.Max(s => now - s.LostAt) / 1_000_000, line.Key);
        _leaderless.RemoveAll(due.Contains);
        if (_leaderless.Count > 0)
            NextDeadline = _leaderless.Min(s => s.LostAt) + LongWithout;
    }

    private State Find(uint group)
    {
        if (!_groups.TryGetValue(group, out var state))
            _groups.Add(group, state = new State(group) { LostAt = startedAt });
        return state;
    }

    private string Cause(State state, ulong next, bool isConnected)
    {
        var old = state.Leader;
        if (old == configuration.Self && state.TransferredTo != 0)
            return $"this node transferred it to {Name(state.TransferredTo)}";
        if (old == configuration.Self)
            return next == 0 ? "this node heard from no quorum, or of a higher term" : "this node gave it up";
        if (!isConnected)
            return $"the connection to {Name(old)} was lost";
        return next == 0 ? $"{Name(old)} was not heard any more, or another node stood for election" : $"{Name(old)} gave it up";
    }

    private string Name(ulong number) => configuration.Members.FirstOrDefault(m => m.Number == number)?.Name ?? $"node {number}";

    private static string Groups(IEnumerable<State> states) => GroupNames.Of(states.Select(s => s.Group));

    private static string Range(ulong from, ulong through, string noun) => from == through ? $"{noun} {from}" : $"{noun}s {from} to {through}";

    [LoggerMessage(Level = LogLevel.Information, Message = "{leader} leads {groups} in {terms}, after {milliseconds} ms without a leader: {cause}")]
    private partial void LogLeads(string leader, string groups, string terms, long milliseconds, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{groups} without a leader for {milliseconds} ms: {cause}")]
    private partial void LogLeaderless(string groups, long milliseconds, string cause);

    private sealed class State(uint group)
    {
        public uint Group => group;

        public ulong Leader { get; set; }

        public ulong Term { get; set; }

        public long LostAt { get; set; }

        public long Without { get; set; }

        public ulong TransferredTo { get; set; }

        public string Cause { get; set; } = "this node has started";
    }
}
