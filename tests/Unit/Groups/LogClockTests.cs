using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using Xunit;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>The time of a log: it follows monotonic clocks from leader to leader, and wall clocks hardly at all.</summary>
public class LogClockTests
{
    private const long Second = 1_000_000_000, Hour = 3600 * Second, Start = 1_795_248_000_000;

    private readonly LogClock _clock = new(driftPerMille: 20);

    [Fact]
    public void A_first_leader_waits_for_wall_clocks_and_begins_with_them()
    {
        _clock.Lead(1, 0, 0);
        _clock.Follow(LogClock.Unknown, false, Second / 10, Second);
        Assert.False(_clock.IsSet);
        _clock.Follow(Wall(Start, Second / 5), true, Second / 5, Second);
        Assert.True(_clock.IsSet);
        Assert.Equal(Start, _clock.Time(Second / 5));
    }

    [Fact]
    public void A_first_leader_waits_for_the_clocks_of_all_and_then_for_those_of_a_majority()
    {
        _clock.Lead(1, 0, 0);
        _clock.Follow(Wall(Start - 3_600_000, 0), false, Second / 2, Second);
        Assert.False(_clock.IsSet);
        Assert.Equal(LogClock.Unknown, _clock.Origin);
        _clock.Follow(Wall(Start, 0), false, Second, Second);
        Assert.Equal(Start + 1000, _clock.Time(Second));
    }

    [Fact]
    public void A_first_leader_that_hears_of_no_wall_clocks_goes_on_from_the_last_entry()
    {
        _clock.Lead(1, Start, 0);
        _clock.Follow(LogClock.Unknown, false, 2 * Second, Second);
        Assert.True(_clock.IsSet);
        Assert.Equal(Start + 2000, _clock.Time(2 * Second));
    }

    [Fact]
    public void It_does_not_begin_before_the_last_entry_although_the_wall_clocks_do()
    {
        _clock.Lead(1, Start, 0);
        _clock.Follow(Wall(Start - 3_600_000, 0), true, 0, Second);
        Assert.Equal(Start, _clock.Time(0));
    }

    [Theory]
    [InlineData(3_600_000, 101_000)]
    [InlineData(-3_600_000, 99_000)]
    [InlineData(100, 100_100)]
    public void Wall_clocks_that_were_set_move_it_by_one_per_cent_and_no_further_than_they_are(long jump, long shows)
    {
        Begin();
        for (var now = 0L; now <= 100 * Second; now += Second / 40)
            _clock.Follow(Wall(Start + jump, 0), true, now, Second);
        Assert.Equal(Start + shows, _clock.Time(100 * Second));
    }

    [Fact]
    public void Time_in_which_nobody_looked_is_not_made_good_at_once()
    {
        Begin();
        _clock.Follow(Wall(Start + 3_600_000, 0), true, Hour, Second);
        Assert.Equal(Start + 3_600_000 + 1, _clock.Time(Hour));
    }

    [Fact]
    public void It_never_goes_back_while_it_leads()
    {
        Begin();
        var last = 0L;
        for (var now = 0L; now < 10 * Second; now += 777_777)
        {
            _clock.Follow(Wall(0, 0), true, now, Second);
            Assert.True(_clock.Time(now) >= last);
            last = _clock.Time(now);
        }
    }

    [Fact]
    public void A_follower_goes_on_from_what_its_leader_showed_and_believes_the_message_that_was_under_way_shortest()
    {
        _clock.Observe(3, Start, 10 * Second);
        Assert.Equal(Start + 1000, _clock.Time(11 * Second));
        _clock.Observe(3, Start - 500, 10 * Second);
        Assert.Equal(Start + 1000, _clock.Time(11 * Second));
        _clock.Observe(3, Start + 1010, 11 * Second);
        Assert.Equal(Start + 1010, _clock.Time(11 * Second));
        _clock.Lead(4, Start + 5, 12 * Second);
        Assert.True(_clock.IsSet);
        Assert.Equal(Start + 2010, _clock.Time(12 * Second));
    }

    [Fact]
    public void A_follower_whose_clock_is_faster_than_its_leader_s_does_not_run_away_from_it()
    {
        var beats = 0L;
        for (var now = 0L; now < 1000 * Second; now += Second / 40, beats++)
            _clock.Observe(3, Start + (beats * 25 * 98 / 100), now);
        Assert.InRange(_clock.Time(1000 * Second), Start + 979_900, Start + 980_100);
    }

    /// <summary>Each of them takes less than a microsecond from it, and for a second nothing was taken: it showed up to 10 ms more than its leader, which a new leader then went on with.</summary>
    [Fact]
    public void A_follower_that_hears_its_leader_very_often_does_not_show_more_than_it()
    {
        // A message each 10 us: the leader's time is drawn back by 1 %.
        for (var now = 0L; now <= 10 * Second; now += 10_000)
        {
            var time = Start + (now / 1_000_000 * 99 / 100);
            _clock.Observe(3, time, now);
            Assert.InRange(_clock.Time(now), time, time + 1);
        }
    }

    [Fact]
    public void A_leader_that_looks_very_often_follows_the_wall_clocks_as_one_that_looks_seldom()
    {
        Begin();
        for (var now = 0L; now <= 10 * Second; now += 10_000)
            _clock.Follow(Wall(Start + 3_600_000, 0), true, now, Second);
        Assert.InRange(_clock.Time(10 * Second), Start + 10_095, Start + 10_100);
    }

    [Fact]
    public void Who_was_just_started_takes_the_time_from_its_voters_the_latest_leader_s_first()
    {
        _clock.TakeFromVoter(0, Start + 9000, 0, 0);
        _clock.TakeFromVoter(4, 0, 0, 0);
        Assert.False(_clock.IsSet);
        _clock.TakeFromVoter(3, Start, 3, 0);
        _clock.TakeFromVoter(4, Start - 500, 3, 0);
        _clock.TakeFromVoter(3, Start + 700, 3, 0);
        _clock.TakeFromVoter(4, Start - 600, 3, 0);
        _clock.TakeFromVoter(4, Start - 400, 3, 0);
        _clock.Lead(6, 0, 0);
        _clock.Follow(Wall(Start + 3_600_000, 0), true, 0, Second);
        Assert.Equal(Start - 400, _clock.Time(0));
        Assert.Equal(0UL, _clock.BeganIn);
    }

    [Fact]
    public void What_a_voter_has_kept_is_no_use_to_who_has_entries_of_a_later_leader_or_knows_the_time()
    {
        _clock.TakeFromVoter(3, Start, 4, 0);
        Assert.False(_clock.IsSet);
        _clock.Observe(2, Start - 5000, 0);
        _clock.TakeFromVoter(4, Start, 4, 0);
        Assert.Equal(Start - 5000, _clock.Time(0));
    }

    [Fact]
    public void A_new_leader_s_time_replaces_the_last_one_s_though_it_shows_less()
    {
        _clock.Observe(3, Start, 0);
        _clock.Observe(4, Start - 4000, 0);
        Assert.Equal(Start - 4000, _clock.Time(0));
        // What its predecessor sent late says nothing any more.
        _clock.Observe(3, Start, 0);
        Assert.Equal(Start - 4000, _clock.Time(0));
        // What it stamped meanwhile binds whoever leads after it.
        _clock.Lead(5, Start - 3000, 0);
        Assert.Equal(Start - 3000, _clock.Time(0));
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void No_time_that_an_entry_can_have_overflows(long time)
    {
        _clock.Observe(1, time, 0);
        _clock.Lead(2, time, Hour);
        _clock.Follow(LogClock.Unknown, false, Hour, 0);
        Assert.InRange(_clock.Time(2 * Hour), 0, LogClock.LastMillisecond + 7_200_000);
    }

    private void Begin()
    {
        _clock.Lead(1, 0, 0);
        _clock.Follow(Wall(Start, 0), true, 0, Second);
    }

    private static long Wall(long unixMilliseconds, long now) => (unixMilliseconds * 1000) - (now / 1000);
}
