using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>A lease is over when another leader can have been elected, for clocks that drift as far as the bound allows, and not much further: the bound is what the lease is shortened by.</summary>
public sealed class LeaseDriftTests
{
    /// <summary>Parts per million, each way: together the bound of 20 in a thousand.</summary>
    private const int AtTheBound = 10_000;

    [Fact]
    public void Clocks_that_drift_within_the_bound_break_no_lease()
    {
        for (ulong seed = 1; seed <= 10; seed++)
            Play(AtTheBound, seed);
    }

    [Fact]
    public void Clocks_that_drift_a_fifth_beyond_the_bound_are_seen_to_break_one()
    {
        var failures = 0;
        for (ulong seed = 1; seed <= 10; seed++)
        {
            try
            {
                Play(AtTheBound * 6 / 5, seed);
            }
            catch (SimulationViolationException e) when (e.Message.Contains("lease: node 1 may serve", StringComparison.Ordinal))
            {
                failures++;
            }
        }

        Assert.True(failures > 0, "no run has shown a lease that lasts too long: the script is too slow to meet it");
    }

    /// <summary>The others lose their connections to a leader whose clock is slow, elect another as soon as their promises let them, and write.</summary>
    private static void Play(int drift, ulong seed)
    {
        var options = Stage.Nodes(3) with
        {
            Seed = seed, SlowClock = 1, DriftPerMillion = drift, Shards = 2, MinDelay = 2 * Microsecond, MaxDelay = 4 * Microsecond, SyncTime = 10 * Microsecond,
        };
        Stage.Play(options, stage =>
        {
            var old = stage.Machines[0];
            for (var i = 0; i < 8; i++)
            {
                stage.LetLead(old);
                stage.Ask(old, "SET", "x", "1");
                stage.Pass((100 + i) * Millisecond);
                stage.ResetLinks(old);
                stage.AwaitLeader(otherThan: old);
                stage.Ask(stage.Others(old)[0], "SET", "x", "2");
                stage.Pass(400 * Millisecond);
                stage.Heal();
                stage.Pass(600 * Millisecond);
            }
        });
    }
}
