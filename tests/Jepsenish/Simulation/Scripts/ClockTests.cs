using System.Globalization;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>Wall clocks that are wrong, and times to live that are kept all the same.</summary>
public sealed class ClockTests
{
    private const long HourInMilliseconds = 3_600_000;

    /// <summary>The clock that is wrong, and by how many milliseconds.</summary>
    public static TheoryData<bool, long> WrongClocks => new()
    {
        { true, HourInMilliseconds }, { true, -HourInMilliseconds }, { false, HourInMilliseconds }, { false, -HourInMilliseconds }, { true, 30_000 }, { false, -30_000 },
    };

    /// <summary>The leader's clock was an hour ahead for 0.2 s and one write: for an hour every key with a time to live was gone at once, and every lock was free.</summary>
    [Theory]
    [MemberData(nameof(WrongClocks))]
    public void A_wall_clock_that_is_wrong_for_a_moment_harms_no_time_to_live(bool isLeader, long jump) => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        var wrong = isLeader ? leader : stage.Others(leader)[0];
        stage.Ask(wrong, "SET", "before", "1", "PX", "3000");
        wrong.Clock.Jump(jump);
        stage.Ask(wrong, "SET", "plain", "1");
        AssertTimesToLiveHold(stage);
        stage.Pass(200 * Millisecond);
        wrong.Clock.Jump(-jump);
        Stage.Assert(!stage.AskUntilDone(leader, "GET", "before").IsNil, "a key that was written before is gone");
        AssertTimesToLiveHold(stage);
        stage.Kill(leader);
        stage.Start(leader);
        AssertTimesToLiveHold(stage);
    });

    /// <summary>Before and after restarts, as follower and as leader, and whoever is asked.</summary>
    [Theory]
    [InlineData(HourInMilliseconds)]
    [InlineData(-HourInMilliseconds)]
    public void A_wall_clock_that_is_always_wrong_harms_no_time_to_live(long error) => Stage.Play(Stage.Nodes(3) with { ClockErrors = [0, error, 0] }, stage =>
    {
        var wrong = stage.Machines[1];
        stage.Ask(wrong, "SET", "long", "1", "EX", "100");
        foreach (var leader in stage.Machines)
        {
            stage.LetLead(leader);
            AssertTimesToLiveHold(stage);
        }

        foreach (var machine in stage.Machines)
            stage.CutPower(machine);
        stage.Pass(500 * Millisecond);
        foreach (var machine in stage.Machines)
            stage.Start(machine);
        stage.AwaitLeader();
        stage.LetLead(wrong);
        AssertTimesToLiveHold(stage);
        Stage.Assert(!stage.AskUntilDone(wrong, "GET", "long").IsNil, "a key that lives for 100 s is gone after a few");
    });

    /// <summary>A time server corrects all machines at once: what is relative stays what it is, and dates are those of the corrected clocks at once.</summary>
    [Theory]
    [InlineData(HourInMilliseconds)]
    [InlineData(-HourInMilliseconds)]
    [InlineData(10L * 365 * 24 * HourInMilliseconds)]
    public void Wall_clocks_that_are_all_set_change_no_time_to_live_and_are_what_dates_mean_from_then_on(long jump) => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        stage.Ask(leader, "SET", "before", "1", "PX", "5000");
        foreach (var machine in stage.Machines)
            machine.Clock.Jump(jump);
        AssertTimesToLiveHold(stage);
        stage.Pass(2200 * Millisecond - (stage.Now % Second));
        Stage.Assert(!stage.AskUntilDone(leader, "GET", "before").IsNil, "a key that was written before is gone");
        foreach (var machine in stage.Machines)
        {
            var date = machine.Clock.UnixMilliseconds + 2000;
            stage.AskUntilDone(machine, "SET", "date", "1", "PXAT", date.ToString(CultureInfo.InvariantCulture));
            var told = Number(stage.AskUntilDone(machine, "PEXPIRETIME", "date"));
            Stage.Assert(Math.Abs(told - date) <= 30, $"{date} was told as {told}");
            Stage.Assert(Math.Abs(Number(stage.AskUntilDone(machine, "PTTL", "date")) - (date - machine.Clock.UnixMilliseconds)) <= 30, "a date in two seconds is not two seconds away");
        }

        AssertTimesToLiveHold(stage);
        stage.Pass(3 * Second);
        Stage.Assert(stage.AskUntilDone(leader, "GET", "before").IsNil && stage.AskUntilDone(leader, "GET", "date").IsNil, "a key is there after its time");
    });

    /// <summary>All nodes stood still for a day: nobody kept the time, so a majority's wall clocks tell.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Time_in_which_no_node_ran_counts(int nodes) => Stage.Play(Stage.Nodes(nodes) with { Shards = 2 }, stage =>
    {
        var leader = stage.AwaitLeader();
        stage.Ask(leader, "SET", "hour", "1", "EX", "3600");
        stage.Ask(leader, "SET", "week", "1", "EX", "604800");
        foreach (var machine in stage.Machines)
            stage.CutPower(machine);
        foreach (var machine in stage.Machines)
            machine.Clock.Jump(24 * HourInMilliseconds);
        if (nodes > 1)
            stage.Machines[0].Clock.Jump(30 * 24 * HourInMilliseconds);
        foreach (var machine in stage.Machines)
            stage.Start(machine);
        leader = stage.AwaitLeader();
        Stage.Assert(stage.AskUntilDone(leader, "GET", "hour").IsNil, "a key that was to live for an hour is there after a day");
        Stage.Assert(Number(stage.AskUntilDone(leader, "TTL", "week")) is > 518_390 and <= 518_400, "a day did not pass for a key that lives for a week");
        AssertTimesToLiveHold(stage);
    });

    /// <summary>Nobody writes, leaders come and go, each node has been started anew: time goes on all the same.</summary>
    [Fact]
    public void Time_goes_on_in_an_idle_group_from_leader_to_leader() => Stage.Play(Stage.Nodes(3) with { QuiesceAfter = 300 * Millisecond }, stage =>
    {
        var leader = stage.AwaitLeader();
        stage.Ask(leader, "SET", "k", "1", "PX", "9000");
        var written = stage.Now;
        // Wall clocks that differ, so that nobody can have the time from them.
        foreach (var machine in stage.Machines)
            machine.Clock.Jump(-HourInMilliseconds);
        for (var i = 0; i < 6; i++)
        {
            stage.Pass(Second);
            leader = stage.AwaitLeader();
            stage.Kill(leader);
            stage.AwaitLeader();
            stage.Start(leader);
            stage.Pass(100 * Millisecond);
        }

        leader = stage.AwaitLeader();
        var left = Number(stage.AskUntilDone(leader, "PTTL", "k"));
        var due = 9000 - ((stage.Now - written) / Millisecond);
        Stage.Assert(left >= due - 100 && left <= due + 200, $"{left} ms are left instead of {due}");
        stage.Pass((due * Millisecond) + (500 * Millisecond));
        Stage.Assert(stage.AskUntilDone(leader, "GET", "k").IsNil, "the key is there after its time");
    });

    /// <summary>Who comes to lead was just started, and one of those who vote for it has kept the time: the wall clocks, which were all set meanwhile, do not matter.</summary>
    [Theory]
    [InlineData(HourInMilliseconds)]
    [InlineData(-HourInMilliseconds)]
    public void A_leader_that_was_just_started_goes_on_with_the_time_that_a_voter_has_kept(long jump) => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        var (keeper, other) = (stage.Others(leader)[0], stage.Others(leader)[1]);
        stage.Ask(leader, "SET", "k", "1", "PX", "9000");
        var written = stage.Now;
        stage.Pass(100 * Millisecond);
        // The one that keeps the time misses an entry, so that it cannot be elected itself.
        stage.Isolate(keeper);
        stage.Ask(leader, "SET", "missed", "1");
        stage.Kill(leader);
        stage.Kill(other);
        foreach (var machine in stage.Machines)
            machine.Clock.Jump(jump);
        stage.Pass(3 * Second);
        stage.Heal();
        stage.Start(leader);
        Stage.Assert(stage.AwaitLeader() == leader, "the only one that can be elected is not the leader");
        var left = Number(stage.AskUntilDone(leader, "PTTL", "k"));
        var due = 9000 - ((stage.Now - written) / Millisecond);
        Stage.Assert(left >= due - 100 && left <= due + 200, $"{left} ms are left instead of {due}");
        stage.Start(other);
    });

    /// <summary>Through every node: a key is there, its time to live is what was asked for, a lock is granted once, and in the end they are gone.</summary>
    private static void AssertTimesToLiveHold(Stage stage)
    {
        foreach (var machine in stage.Machines)
        {
            stage.AskUntilDone(machine, "DEL", "lock");
            Stage.Assert(stage.AskUntilDone(machine, "SET", "lock", "a", "NX", "PX", "600").Text == "OK", "a free lock was not granted");
            Stage.Assert(stage.AskUntilDone(machine, "SET", "lock", "b", "NX", "PX", "600").IsNil, "a lock was granted twice");
            stage.AskUntilDone(machine, "SET", "t", "1", "EX", "20");
            Stage.Assert(stage.AskUntilDone(machine, "GET", "t").Text == "1", "a key with a time to live of 20 s is not there");
            Stage.Assert(Number(stage.AskUntilDone(machine, "PTTL", "t")) is > 19_000 and <= 20_000, "20 s to live are told as something else");
            Stage.Assert(Number(stage.AskUntilDone(machine, "EXPIRE", "t", "10")) == 1 && Number(stage.AskUntilDone(machine, "TTL", "t")) is 9 or 10, "10 s to live are told as something else");
        }

        stage.Pass(700 * Millisecond);
        foreach (var machine in stage.Machines)
            Stage.Assert(stage.AskUntilDone(machine, "GET", "lock").IsNil, "a lock is held after its time");
    }

    private static long Number(RespReply reply) => long.Parse(reply.Text!, CultureInfo.InvariantCulture);
}
