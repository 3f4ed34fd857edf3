using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>What a disk does to the node on it, and what that does to the others.</summary>
public sealed class FailingDiskTests
{
    /// <summary>
    /// Reliability scenario 13, canonical/raft#320: a leader whose own disk fails truncates its log and appends something else at the same index and term, which others already hold.
    /// Here it stops: others go on, and it comes back with what its disk durably holds.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_leader_whose_disk_fails_stops_and_loses_nothing_that_was_acknowledged(bool failsWhileWriting) => Stage.Play(Stage.Nodes(3), stage =>
    {
        var old = stage.AwaitLeader();
        for (var i = 0; i < 10; i++)
            Stage.Assert(stage.Ask(old, "SET", $"k{i}", "1") is { IsError: false }, "a write was refused");
        if (failsWhileWriting)
            old.Faults.ArmWrite();
        else
            old.Faults.ArmSync();
        var life = old.Process!;
        var write = stage.Begin(old, "SET", "x", "1");
        stage.Until(() => !life.IsAlive, "the node with the broken disk stops", 100 * Millisecond);
        Stage.Assert(stage.Await(write) is null or { IsError: true }, "a write was acknowledged by a leader whose disk had failed");
        var next = stage.AwaitLeader(otherThan: old);
        Stage.Assert(stage.Ask(next, "SET", "y", "1") is { IsError: false }, "the others do not go on");
        foreach (var machine in stage.Machines)
        {
            for (var i = 0; i < 10; i++)
                Stage.Assert(stage.AskUntilDone(machine, "GET", $"k{i}").Text == "1", "an acknowledged write is lost");
        }
    });

    /// <summary>Reliability scenario 21, hashicorp/raft#503: the leader's disk hangs while its heartbeats go on, so that nobody replaces it. With one shard its thread hangs with the disk.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Leadership_leaves_a_node_whose_disk_hangs_within_two_election_timeouts(int shards) => Stage.Play(Stage.Nodes(3) with { Shards = shards }, stage =>
    {
        var old = stage.AwaitLeader();
        stage.Ask(old, "SET", "x", "1");
        stage.HangDisk(old, 3 * Second);
        stage.Begin(old, "SET", "y", "1");
        var hangs = stage.Now;
        var next = stage.AwaitLeader(otherThan: old);
        Stage.Assert(stage.Now - hangs <= 2 * Stage.ElectionTimeout, $"leadership left after {Show(stage.Now - hangs)}");
        Stage.Assert(stage.Ask(next, "SET", "x", "2") is { IsError: false }, "the next leader takes no write");
        Stage.Assert(stage.Now - hangs <= 2 * Stage.ElectionTimeout + 50 * Millisecond, "writes were not taken soon");
    });
}
