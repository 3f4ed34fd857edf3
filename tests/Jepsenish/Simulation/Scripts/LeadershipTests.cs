using RaftKv.Consensus.Raft;
using RaftKv.Engine;
using RaftKv.Tests.Jepsenish.Simulation.Machines;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>Who should lead, who should not, and what moving a leadership costs those who write.</summary>
public sealed class LeadershipTests
{
    /// <summary>
    /// Leaders gave groups back to the node that they prefer as long as it was connected. With a full disk it could not take them: proposals stopped for an election timeout, every second, for all clients.
    /// Reads at the full node hung for five seconds and failed.
    /// </summary>
    [Fact]
    public void A_node_with_a_full_disk_is_given_no_leadership_and_its_clients_read_on() => Stage.Play(Stage.Nodes(3) with { Shards = 2, SegmentBytes = 8 << 10, SteadyBeforeLeading = Second }, stage =>
    {
        var full = stage.Machines[0];
        stage.LetLead(full);
        stage.FillDisk(full, 16 << 10);
        for (var i = 0; Stage.Replica(full).RefusalOfWrites is null; i++)
        {
            Stage.Assert(i < 500, "the disk does not become full");
            stage.Ask(stage.Others(full)[0], "SET", $"fill {i % 10}", new string('x', 1000));
        }

        var leader = stage.AwaitLeader(otherThan: full);
        stage.Pass(100 * Millisecond);
        var term = Stage.Replica(leader).Core.Term;
        var (longest, slowestRead) = (0L, 0L);
        for (var until = stage.Now + (20 * Second); stage.Now < until; stage.Pass(20 * Millisecond))
        {
            var begun = stage.Now;
            Stage.Assert(stage.Ask(leader, "SET", "x", $"{begun}") is { IsError: false }, "a write was refused although two nodes are well");
            longest = Math.Max(longest, stage.Now - begun);
            begun = stage.Now;
            Stage.Assert(stage.Ask(full, "GET", "x") is { IsError: false }, "a read at the full node failed");
            slowestRead = Math.Max(slowestRead, stage.Now - begun);
        }

        Stage.Assert(longest < 50 * Millisecond, $"a write took {Show(longest)} although two nodes are well");
        Stage.Assert(slowestRead < 50 * Millisecond, $"a read at the full node took {Show(slowestRead)}");
        Stage.Assert(Stage.Replica(leader).Core.Term == term, "leadership moved");
        Stage.Assert(stage.Saw(Sometimes.ReadForwarded) > 100, "the full node did not forward its reads");
        stage.FreeDisk(full);
        stage.Until(() => stage.AwaitLeader() == full, "the preferred node leads again once it has space", 5 * Second);
    });

    /// <summary>A node whose disk hangs knows the index of a read, and applies nothing up to it.</summary>
    [Fact]
    public void A_node_whose_disk_hangs_lets_the_leader_serve_its_reads() => Stage.Play(Stage.Nodes(3) with { Shards = 2 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var hung = stage.Others(leader)[0];
        stage.Ask(hung, "SET", "x", "0");
        stage.HangDisk(hung, 4 * Second);
        stage.Ask(leader, "SET", "x", "1");
        for (var i = 0; i < 20; i++)
        {
            var begun = stage.Now;
            Stage.Assert(stage.Ask(hung, "GET", "x")?.Text == "1", "the read failed");
            Stage.Assert(stage.Now - begun < 500 * Millisecond, $"the read took {Show(stage.Now - begun)}");
            stage.Pass(50 * Millisecond);
        }
    });

    /// <summary>The leader must go and the first who could take over does not: it is asked once, and then another.</summary>
    [Fact]
    public void A_leader_that_must_go_does_not_insist_on_a_successor_that_does_not_take_over() => Stage.Play(Stage.Nodes(5) with { Shards = 2, Groups = 2 }, stage =>
    {
        var leader = stage.AwaitLeader();
        // What shows that the disk hangs is written to another group: the first successor must not be left behind by it, or it would be none.
        stage.LetLead(leader, group: 2);
        var other = stage.Connect(leader, group: 2);
        stage.Ask(other, "SET", "y", "1");
        var deaf = stage.Others(leader)[0];
        stage.Ask(leader, "SET", "x", "1");
        stage.Pass(100 * Millisecond);
        Stage.StallTurn(deaf, 4 * Second, shard: 1);
        var (hungAt, ledAt) = (0L, 0L);
        stage.When(() => deaf.Process!.IsInTurn, "the first successor stands still", () =>
        {
            hungAt = stage.Now;
            stage.HangDisk(leader, 3 * Second);
            _ = stage.Begin(other, "SET", "y", "2");
        });
        stage.When(() => hungAt > 0 && stage.Others(leader, deaf).Any(m => Stage.Replica(m).Core.Role == RaftRole.Leader), "another node leads", () => ledAt = stage.Now);
        stage.Pass(5 * Second);
        Stage.Assert(ledAt - hungAt is > 0 and < 1200 * Millisecond, $"another node leads {Show(ledAt - hungAt)} after the disk began to hang");
    });

    /// <summary>Each of them gave its groups to another that was about to stop too: terms rose by up to 300 until the last was gone.</summary>
    [Fact]
    public void Nodes_that_stop_together_do_not_pass_leadership_to_and_fro() => Stage.Play(Stage.Nodes(3) with { Shards = 2, Groups = 8 }, stage =>
    {
        for (uint group = 1; group <= 8; group++)
            stage.AwaitLeader(group);
        var terms = Enumerable.Range(1, 8).Select(g => Stage.Replica(stage.AwaitLeader((uint)g), (uint)g).Core.Term).ToList();
        var begun = stage.Now;
        stage.StopAll(Second);
        stage.Until(() => stage.Machines.All(m => m.Process is null), "all nodes stop", Second);
        Stage.Assert(stage.Now - begun < 300 * Millisecond, $"they needed {Show(stage.Now - begun)}");
        for (uint group = 1; group <= 8; group++)
        {
            var last = stage.Machines.Max(m => m.Ledger.Group(group).Term);
            Stage.Assert(last <= terms[(int)group - 1] + 2, $"group {group} went from term {terms[(int)group - 1]} to {last}");
        }
    });

    /// <summary>One that stops alone leaves nothing to elect: its groups have leaders when it goes.</summary>
    [Fact]
    public void A_node_that_stops_alone_has_transferred_its_groups() => Stage.Play(Stage.Nodes(3) with { Groups = 8 }, stage =>
    {
        for (uint group = 1; group <= 8; group++)
            stage.AwaitLeader(group);
        var stopping = stage.AwaitLeader();
        stage.Stop(stopping, Second);
        stage.Until(() => stopping.Process is null, "it stops", Second);
        for (uint group = 1; group <= 8; group++)
        {
            var led = group;
            Stage.Assert(stage.Others(stopping).Any(m => Stage.Replica(m, led).Core.Role == RaftRole.Leader), $"nobody leads group {group}");
        }
    });

    /// <summary>A transfer was under way when the joint configuration was committed, so that it was not left; then the transfer failed, and nobody wrote anything more.</summary>
    [Fact]
    public void A_joint_configuration_is_left_after_a_failed_transfer_although_nothing_is_written() => Stage.Play(Stage.Nodes(5), stage =>
    {
        var leader = stage.AwaitLeader();
        var (target, demoted, removed) = (stage.Others(leader)[0], stage.Others(leader)[1], stage.Others(leader)[2]);
        Stage.StallTurn(target, 2 * Second);
        var core = Stage.Replica(leader).Core;
        var status = ProposeStatus.NotLeader;
        stage.When(() => target.Process!.IsInTurn, "the target stands still", () => Stage.InTurn(leader, replica =>
        {
            status = replica.Core.ProposeConfiguration(new ConfigurationChange([(ConfigurationStep.AddLearner, demoted.Number), (ConfigurationStep.Remove, removed.Number)]), 0, replica.Now, out _);
            replica.Core.TransferLeadership(target.Number, replica.Now);
        }));
        stage.When(() => core.IsTransferring && core.Configuration.IsJoint && core.CommitIndex == core.LastIndex, "the joint configuration is committed while a transfer is under way", () => { });
        stage.Pass(Second);
        Stage.Assert(status == ProposeStatus.Accepted && !core.IsTransferring && core.Role == RaftRole.Leader, "the transfer did not fail");
        Stage.Assert(!core.Configuration.IsJoint && core.CommitIndex == core.LastIndex, "the configuration stays joint");
    });

    /// <summary>
    /// Found by the random simulation once: a leader heard of a later term, and in the same turn the follower that it was sending an image to came back. Pieces that it sent again carried the term at hand, in
    /// which another leads.
    /// </summary>
    [Fact]
    public void No_piece_of_an_image_leaves_after_leadership_was_lost_in_the_same_turn() => Stage.Play(Stage.NodesWithShortLogs(3) with { ChunkBytes = 64 }, stage =>
    {
        var leader = stage.AwaitLeader();
        var (away, heir) = (stage.Others(leader)[0], stage.Others(leader)[1]);
        stage.Isolate(away);
        stage.AwaitLost(leader, away);
        stage.FillBeyond(leader, away);
        stage.Heal();
        stage.Until(() => Stage.Replica(leader).Core.AwaitsSnapshot(away.Number, ulong.MaxValue), "an image is begun", 2 * Second);
        stage.Pass(Millisecond);
        stage.CutOneWay(leader, away);
        stage.CutOneWay(away, leader);
        stage.AwaitLost(leader, away);
        var term = Stage.Replica(leader).Core.Term;
        Stage.StallTurn(leader, 3 * Second);
        stage.When(() => leader.Process!.IsInTurn && Stage.Replica(heir).Core.Role == RaftRole.Leader, "the heir leads while the old leader stands still", () =>
        {
            stage.JoinOneWay(leader, away);
            stage.JoinOneWay(away, leader);
        });
        stage.When(() => leader.Process!.IsInTurn && leader.Process.Transport.IsConnected(away.Number) && Stage.Replica(leader).Core.Term == term, "the follower comes back while the old leader stands still", () => { });
        stage.Pass(4 * Second);
        Stage.Assert(Stage.Replica(leader).Core.Term > term, "the old leader heard nothing of its end");
    });
}
