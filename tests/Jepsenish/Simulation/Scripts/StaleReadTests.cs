using RaftKv.Consensus.Raft;
using RaftKv.Tests.Jepsenish.Workloads;
using Xunit;
using static RaftKv.Tests.Jepsenish.Simulation.SimulatedTime;

namespace RaftKv.Tests.Jepsenish.Simulation.Scripts;

/// <summary>Nobody reads what another leader has made stale. Each read that is sent here is judged by the stage as well.</summary>
public sealed class StaleReadTests
{
    /// <summary>Reliability scenario 1, etcd#741: a partitioned old leader answers reads from its own state. Here it does so while its lease holds, and not a moment longer.</summary>
    [Fact]
    public void A_partitioned_old_leader_answers_no_read_once_another_leader_has_written() => Stage.Play(Stage.Nodes(3), stage =>
    {
        var old = stage.AwaitLeader();
        stage.Ask(old, "SET", "x", "1");
        stage.Isolate(old);
        var write = stage.Begin(stage.Others(old)[0], "SET", "x", "2");
        var reads = new List<(bool AfterWrite, Task<RespReply?> Reply)>();
        for (var i = 0; i < 200; i++)
        {
            reads.Add((write.IsCompleted, stage.Begin(old, "GET", "x")));
            stage.Pass(5 * Millisecond);
        }

        Stage.Assert(stage.Await(write) is { IsError: false }, "the majority takes no write");
        stage.Pass(3 * Second);
        Stage.Assert(reads.Exists(r => r.Reply.Result?.Text == "1"), "no read was served under the lease: the script does not see when it ends");
        Stage.Assert(reads.Count(r => r.AfterWrite) > 50, "too few reads after the write");
        Stage.Assert(reads.TrueForAll(r => !r.AfterWrite || r.Reply.Result is { ErrorCode: "CLUSTERDOWN" }), "the old leader answered a read that was sent after another leader's write");
        stage.Heal();
        Stage.Assert(stage.AskUntilDone(old, "GET", "x").Text == "2", "the old leader did not learn of the write");
    });

    /// <summary>Reliability scenario 2, etcd#7331: what the leader before acknowledged may be beyond the new leader's commit index, and a quorum confirms a read all the same.</summary>
    [Fact]
    public void A_new_leader_answers_no_read_before_it_has_committed_in_its_own_term() => Stage.Play(Stage.Nodes(3) with { Shards = 2 }, stage =>
    {
        var old = stage.AwaitLeader();
        var others = stage.Others(old);
        stage.Ask(old, "SET", "x", "1");
        stage.Pass(100 * Millisecond);
        var last = Stage.Replica(old).Core.LastIndex;
        var write = stage.Begin(old, "SET", "x", "2");
        stage.Until(() => others.All(o => Stage.Replica(o).Core.LastIndex > last), "both followers have the write");
        foreach (var other in others)
            stage.CutOneWay(old, other);
        Stage.Assert(stage.Await(write) is { IsError: false }, "the write was not acknowledged");
        stage.Kill(old);

        // Its successor hears from the third node, whose disk confirms nothing: a quorum for reads and none for commits.
        stage.Until(() => others.Any(o => Stage.Replica(o).Core.Role == RaftRole.Leader), "there is a successor");
        var successor = others.Single(o => Stage.Replica(o).Core.Role == RaftRole.Leader);
        var third = others.Single(o => o != successor);
        stage.HangDisk(third, 250 * Millisecond);
        var reads = others.Select(o => stage.Begin(o, "GET", "x")).ToList();
        stage.Pass(200 * Millisecond);
        Stage.Assert(Stage.Replica(successor).Core.CommitIndex <= last, "the successor committed although the third node's disk hangs");
        Stage.Assert(!reads.Exists(r => r.IsCompleted), "a read was answered before the new leader has committed anything");
        Stage.Assert(reads.TrueForAll(r => stage.Await(r)?.Text == "2"), "a read was answered with what was there before an acknowledged write");
    });

    /// <summary>
    /// Reliability scenario 4, tikv#8034, as far as leases of a group go: the leader stands still, its lease lapses meanwhile, others write. Reads that came in while it stood still are the first
    /// thing that it finds when it goes on, answers of its followers from before are the second, and only then does it hear of the other leader.
    /// </summary>
    [Theory]
    [InlineData(60)]
    [InlineData(95)]
    [InlineData(400)]
    [InlineData(700)]
    [InlineData(2000)]
    public void A_leader_that_stood_still_answers_no_read_with_what_was_overwritten_meanwhile(int milliseconds)
    {
        // From wherever between two heartbeats: some leave answers under way, which must not renew a lease when they are heard at last.
        for (var offset = 0; offset < 25; offset += 3)
            Play(milliseconds * Millisecond, offset * Millisecond);
    }

    private static void Play(long pause, long offset) => Stage.Play(Stage.Nodes(3) with { MinDelay = 3 * Millisecond, MaxDelay = 4 * Millisecond }, stage =>
    {
        var old = stage.AwaitLeader();
        stage.Ask(old, "SET", "x", "1");
        var readers = Enumerable.Range(0, 20).Select(_ => stage.Connect(old)).ToList();
        stage.Pass(offset);
        stage.Pause(old, pause);
        var write = stage.Begin(stage.Others(old)[0], "SET", "x", "2");
        var reads = new List<(bool AfterWrite, Task<RespReply?> Reply)>();
        foreach (var reader in readers)
        {
            stage.Pass(pause / readers.Count);
            reads.Add((write.IsCompleted, stage.Begin(reader, "GET", "x")));
        }

        Stage.Assert(stage.Await(write) is { IsError: false }, "the write was not done");
        stage.Until(() => reads.TrueForAll(r => r.Reply.IsCompleted), "all reads end");
        Stage.Assert(reads.TrueForAll(r => !r.AfterWrite || r.Reply.Result?.Text != "1"), "a read was answered with a value that had been overwritten before it was sent");
        if (pause >= 2 * Second)
            Stage.Assert(reads.Count(r => r.AfterWrite) >= 5, "nobody else came to lead while the leader stood still");
    });
}
