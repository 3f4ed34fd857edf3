using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>A node that could not hear the leader costs nobody a leader. Reliability scenario 20, after etcd#8501.</summary>
public sealed class PreVoteTests
{
    [Fact]
    public void A_node_that_was_cut_off_comes_back_and_the_leader_stays() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        LeaderStays(stage, leader, () => stage.Isolate(stage.Others(leader)[0]), stage.Heal);
    });

    [Fact]
    public void A_node_that_hears_everyone_but_the_leader_disturbs_nobody() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var leader = stage.AwaitLeader();
        LeaderStays(stage, leader, () => stage.CutOneWay(leader, stage.Others(leader)[0]), stage.Heal);
    });

    [Fact]
    public void A_node_that_stood_still_for_long_comes_back_and_the_leader_stays() => Stage.Play(Stage.Nodes(5), stage =>
    {
        var leader = stage.AwaitLeader();
        LeaderStays(stage, leader, () => stage.Pause(stage.Others(leader)[0], 3 * Second), () => { });
    });

    /// <summary>Writes go on, one after the other, before, during and after; term and leader are the same in the end.</summary>
    private static void LeaderStays(Stage stage, Machines.Machine leader, Action begin, Action end)
    {
        var term = Stage.Replica(leader).Core.Term;
        begin();
        Write(0);
        end();
        Write(1);
        Stage.Assert(stage.AwaitLeader() == leader && Stage.Replica(leader).Core.Term == term, $"there was an election: the term went from {term} to {Stage.Replica(leader).Core.Term}");

        void Write(int part)
        {
            for (var i = 0; i < 60; i++)
            {
                var before = stage.Now;
                Stage.Assert(stage.Ask(leader, "SET", $"k{part}.{i}", "1") is { IsError: false }, "a write was refused");
                Stage.Assert(stage.Now - before < 50 * Millisecond, $"a write took {Show(stage.Now - before)}");
                stage.Pass(50 * Millisecond);
            }
        }
    }
}
