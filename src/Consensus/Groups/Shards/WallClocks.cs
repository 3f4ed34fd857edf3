using System.Globalization;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Groups.Replicas;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// What the wall clocks of a cluster's nodes show, as this node knows it: its own, and what the others said last. Written by the first shard's thread, read by any.
/// </summary>
/// <remarks>
/// Invariant: <see cref="Reference"/> is a time that the clocks of a majority have reached, so no minority of clocks that are ahead moves it; one that is behind moves it only where those who are right
/// and known are no majority. A report that arrives late counts as a clock that is behind.
/// </remarks>
internal sealed partial class WallClocks
{
    /// <summary>A difference of wall clocks from which on somebody should look, microseconds.</summary>
    public const long Notable = 1_000_000;

    private const long SmallestJump = 500_000;

    private readonly IClock _clock;
    private readonly ILogger _logger;
    private readonly NodeConfiguration _configuration;
    private readonly long[] _offsets;
    private readonly int _self;
    private long _reference = LogClock.Unknown;
    private long _lookedAt;
    private bool _allKnown;
    private bool _isWrong;

    public WallClocks(NodeConfiguration configuration, IClock clock, ILogger logger)
    {
        (_configuration, _clock, _logger) = (configuration, clock, logger);
        _offsets = new long[configuration.Members.Count];
        Array.Fill(_offsets, LogClock.Unknown);
        _self = PositionOf(configuration.Self);
        Look(clock.Now);
    }

    /// <summary>What has to be added to this node's monotonic clock, in microseconds, to get the time that a majority's wall clocks have reached; <see cref="LogClock.Unknown"/> before a majority is known.</summary>
    public long Reference => Volatile.Read(ref _reference);

    /// <summary>Whether every node has said what its clock shows.</summary>
    public bool AllKnown => Volatile.Read(ref _allKnown);

    /// <summary>What this node's wall clock shows, milliseconds since the Unix epoch.</summary>
    public long Own => Math.Clamp(_clock.UnixMilliseconds, 0, LogClock.LastMillisecond);

    /// <summary>By how many milliseconds a node's wall clock is ahead of what a majority's have reached; null if it, or that, is not known.</summary>
    public long? ErrorOf(ulong node)
    {
        var reference = Reference;
        var position = PositionOf(node);
        var offset = position < 0 ? LogClock.Unknown : Volatile.Read(ref _offsets[position]);
        return reference == LogClock.Unknown || offset == LogClock.Unknown ? null : (offset - reference) / 1000;
    }

    /// <summary>Looks at this node's own clock; to be called every second or so. Tells of it when it was set.</summary>
    public void Look(long now)
    {
        var (offset, before) = ((Own * 1000) - (now / 1000), _offsets[_self]);
        Volatile.Write(ref _offsets[_self], offset);
        var allowed = SmallestJump + ((now - _lookedAt) / 1000 / 1000 * _configuration.Raft.DriftPerMille);
        _lookedAt = now;
        if (before != LogClock.Unknown && Math.Abs(offset - before) > allowed)
            LogJump(Direction(offset - before), Seconds(offset - before));
        Recompute();
    }

    /// <summary>A peer has said what its clock showed when it sent that.</summary>
    public void Report(ulong peer, long unixMilliseconds, long now)
    {
        var position = PositionOf(peer);
        if (position < 0 || position == _self || unixMilliseconds is < 0 or > LogClock.LastMillisecond)
            return;
        Volatile.Write(ref _offsets[position], (unixMilliseconds * 1000) - (now / 1000));
        Recompute();
    }

    private void Recompute()
    {
        Span<long> sorted = stackalloc long[_offsets.Length];
        _offsets.CopyTo(sorted);
        sorted.Sort();
        // With n values ascending, a majority (n/2 + 1) has reached the one with n/2 values behind it; one that is not known is the smallest.
        var reference = sorted[sorted.Length - (sorted.Length / 2) - 1];
        Volatile.Write(ref _reference, reference);
        Volatile.Write(ref _allKnown, sorted[0] != LogClock.Unknown);
        if (reference == LogClock.Unknown)
            return;
        var error = _offsets[_self] - reference;
        if (Math.Abs(error) >= Notable == _isWrong)
            return;
        _isWrong = !_isWrong;
        if (_isWrong)
            LogWrong(Seconds(error), error > 0 ? "ahead of" : "behind");
        else
            LogRight();
    }

    private int PositionOf(ulong node)
    {
        for (var i = 0; i < _offsets.Length; i++)
        {
            if (_configuration.Members[i].Number == node)
                return i;
        }

        return -1;
    }

    private static string Direction(long microseconds) => microseconds > 0 ? "forward" : "back";

    private static string Seconds(long microseconds) => (Math.Abs(microseconds) / 1e6).ToString("F3", CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Warning, Message = "this node's wall clock was set {direction} by {seconds} s; times to live are counted by monotonic clocks and do not change")]
    private partial void LogJump(string direction, string seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "this node's wall clock is {seconds} s {direction} what the clocks of a majority of the nodes show; it is not used while that is so")]
    private partial void LogWrong(string seconds, string direction);

    [LoggerMessage(Level = LogLevel.Information, Message = "this node's wall clock agrees with a majority of the nodes again")]
    private partial void LogRight();
}
