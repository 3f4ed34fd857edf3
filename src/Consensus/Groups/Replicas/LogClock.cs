using RaftKv.Engine;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// The time of one group's log, which stamps its entries while this node leads: it goes on with the monotonic clock, and from one leader to the next. Wall clocks decide where it begins when no node
/// that runs has kept it (<see cref="Follow"/>), and afterwards only move it by <see cref="SlewPerMille"/>: a wall clock that is set makes no time to live shorter or longer than that.
/// Owned by the shard's thread. Microseconds inside, so that every date a caller can name fits.
/// </summary>
/// <param name="driftPerMille">Bound on the drift of a monotonic clock.</param>
/// <remarks>
/// Invariant: while this node follows, it shows no more than its leader's clock does, but for what that may have lost since it heard of it last, to the wall clocks and by the drift of the two monotonic clocks: what it hears
/// left the leader before it arrived, and a new leader's time replaces an old one's. So a change of leader makes no time to live shorter.
/// Invariant: while this node leads, it never goes back, and passes between (1000 - SlewPerMille) / 1000 and (1000 + SlewPerMille) / 1000 of the monotonic clock's time.
/// Invariant: it moves by more than that once at most, from "not set" to "set", before this node's first entry of the term but the no-op.
/// </remarks>
internal sealed class LogClock(int driftPerMille)
{
    /// <summary>How much faster or slower than the monotonic clock it goes at most, to follow the wall clocks: an hour is made good in 100 hours, and a minute's time to live is wrong by 0.6 s.</summary>
    public const int SlewPerMille = 10;

    /// <summary>No origin: see <see cref="Origin"/>.</summary>
    public const long Unknown = long.MinValue;

    /// <summary>The last moment of the year 9999, milliseconds since the Unix epoch: nothing is later.</summary>
    public const long LastMillisecond = 253_402_300_799_999;

    // Time that passed without a look is not used for slewing: an entry may have been stamped in it, and all of it would fall on what that entry wrote.
    private const long LongestStep = 100_000;

    private long _origin = Unknown;
    private long _lookedAt;
    private long _ledSince;
    private bool _isFromVoters;

    /// <summary>What has to be added to the monotonic clock, in microseconds, to get the time of the log; <see cref="Unknown"/> while it is not set.</summary>
    public long Origin => IsSet ? _origin : Unknown;

    /// <summary>Whether this node knows the time: from a leader, from who voted for it, from wall clocks, or because it waited for them in vain.</summary>
    public bool IsSet { get; private set; }

    /// <summary>The term of the leader whose clock it follows, or is.</summary>
    public ulong Term { get; private set; }

    /// <summary>Whether this node leads in <see cref="Term"/>.</summary>
    public bool Leads { get; private set; }

    /// <summary>The term in which this node began the time, since nobody told it; 0 if it never did.</summary>
    public ulong BeganIn { get; private set; }

    /// <summary>The time, milliseconds since the Unix epoch; <paramref name="now"/> in monotonic nanoseconds. 0 before anything is known.</summary>
    public long Time(long now) => At(_origin, now);

    /// <summary>The time that an origin gives; 0 for none.</summary>
    public static long At(long origin, long now) => origin == Unknown ? 0 : Math.Max(0, ((now / 1000) + origin) / 1000);

    /// <summary>A leader of a term showed this time when it sent what has arrived now.</summary>
    public void Observe(ulong term, long time, long now)
    {
        if (time <= 0 || term < Term || (Leads && term == Term))
            return;
        // The message that took the shortest time says most, for a while: what its sender's clock has lost since, this one's may not have. Another leader's clock may show less than the last one's:
        // then that is what times to live are counted by.
        var origin = OriginOf(time, now);
        if (IsSet && term == Term)
        {
            var lost = (now - _lookedAt) / 1000 * (SlewPerMille + (2 * driftPerMille)) / 1000;
            if (_origin - lost >= origin)
            {
                // Messages that come in quick succession each cost it less than a microsecond: what is lost is counted from the last one that cost something.
                if (lost > 0)
                    (_origin, _lookedAt) = (_origin - lost, now);
                return;
            }
        }

        (_origin, _lookedAt) = (origin, now);
        (Term, IsSet, Leads, _isFromVoters) = (term, true, false, false);
    }

    /// <summary>
    /// Who votes for this node shows the time that it has kept, from the leader of a term. A node that was just started has kept none, and goes on with that, unless the log holds entries of a later term: what their leader's clock
    /// showed, the voter need not have heard.
    /// </summary>
    public void TakeFromVoter(ulong term, long time, ulong lastTerm, long now)
    {
        if (time <= 0 || term == 0 || term < lastTerm || (IsSet && !_isFromVoters))
            return;
        var origin = OriginOf(time, now);
        if (IsSet && (term < Term || (term == Term && origin <= _origin)))
            return;
        Sometimes.Reached(Sometimes.LogTimeFromVoter);
        (_origin, _lookedAt) = (origin, now);
        (Term, IsSet, _isFromVoters) = (term, true, true);
    }

    /// <summary>This node leads in a term: its time is not before that of its last entry.</summary>
    public void Lead(ulong term, long lastTimestamp, long now)
    {
        _origin = Math.Max(_origin, OriginOf(lastTimestamp, now));
        (Term, Leads, _ledSince, _lookedAt, _isFromVoters) = (term, true, now, now, false);
    }

    /// <summary>
    /// A look at the wall clocks, while this node leads. If nobody told this node the time since it was started, it begins now, with what a majority's wall clocks show: time in which no node ran is
    /// measured by nothing else. It waits for all of them for a while, since one that is behind counts for more when only a majority is known, then for a majority; if not even that is known, it goes on
    /// from the last entry.
    /// </summary>
    /// <param name="wall">What has to be added to the monotonic clock to get the wall clocks' time, microseconds; <see cref="Unknown"/> if it is not known.</param>
    /// <param name="allKnown">Whether it is known what the wall clocks of all nodes show.</param>
    /// <param name="now">Monotonic nanoseconds.</param>
    /// <param name="patience">How long to wait for the clocks of all, and as long again for those of a majority.</param>
    public void Follow(long wall, bool allKnown, long now, long patience)
    {
        if (!IsSet)
        {
            var waited = now - _ledSince;
            IsSet = allKnown || (wall != Unknown && waited >= patience) || waited >= 2 * patience;
            if (!IsSet)
                return;
            Sometimes.Reached(Sometimes.LogClockBegan);
            BeganIn = Term;
            _origin = Math.Max(_origin, wall);
            _lookedAt = now;
            return;
        }

        var step = Math.Min((now - _lookedAt) / 1000, LongestStep) * SlewPerMille / 1000;
        if (step == 0)
            return;
        _lookedAt = now;
        if (wall != Unknown)
            _origin += Math.Clamp(wall - _origin, -step, step);
    }

    private static long OriginOf(long time, long now) => (Math.Clamp(time, 0, LastMillisecond) * 1000) - (now / 1000);
}
