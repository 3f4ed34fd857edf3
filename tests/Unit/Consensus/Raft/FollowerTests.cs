using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Wal;
using RaftKv.Tests.Harness.Raft;
using Xunit;

namespace RaftKv.Tests.Unit.Consensus.Raft;

/// <summary>What a follower does with appends, effect by effect.</summary>
public class FollowerTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RaftEffects _effects = new();
    private readonly RaftNode _node;

    public FollowerTests()
    {
        _disk.Start(new StateImage(0, 0, new Configuration { Voters = [1, 2, 3] }, 0));
        _node = new RaftNode(new RaftOptions { Self = 3 }, _disk.Recover(), _disk, seed: 1, now: 0);
    }

    [Fact]
    public void Commits_no_further_than_the_message_verifies()
    {
        Append(term: 1, previous: (0, 0), commit: 0, 1, 1, 1);
        Append(term: 2, previous: (0, 0), commit: 25, 1);
        Assert.Equal(1UL, _node.CommitIndex);
        Assert.Equal(3UL, _node.LastIndex);
    }

    [Fact]
    public void Keeps_what_follows_a_shorter_append_without_conflict()
    {
        Append(term: 1, previous: (0, 0), commit: 0, 1, 1, 1);
        Append(term: 1, previous: (0, 0), commit: 0, 1);
        Assert.Equal(3UL, _node.LastIndex);
    }

    [Fact]
    public void Cuts_a_conflicting_tail_off_and_hands_the_new_entries_out()
    {
        Append(term: 1, previous: (0, 0), commit: 0, 1, 1, 1);
        Append(term: 2, previous: (1, 1), commit: 0, 2);
        Assert.Equal(2UL, _node.LastIndex);
        var written = Assert.Single(_effects.Entries);
        Assert.Equal((2UL, 2UL), (written.Index, written.Term));
    }

    /// <summary>After a restart the entries are not in memory: the time of the one that was cut off went on to bind the node, and as leader it put the time of the log forward.</summary>
    [Fact]
    public void The_time_of_an_entry_that_is_cut_off_after_a_restart_binds_nobody()
    {
        var recovered = new RaftInitialState
        {
            Term = 3, LastIndex = 5, Terms = [new TermRun(1, 3)], AppliedIndex = 4, LastTimestamp = 9000, Configuration = new Configuration { Voters = [1, 2, 3] },
        };
        var node = new RaftNode(new RaftOptions { Self = 3 }, recovered, new SimulatedDisk(), seed: 1, now: 0);
        node.Step(new AppendEntries { From = 1, To = 3, Term = 4, PreviousIndex = 4, PreviousTerm = 3, CommitIndex = 4, SentAt = 0, Entries = [new LogEntry(5, 4, EntryKind.Command, 7000, Array.Empty<byte>())] }, 0);
        Assert.Equal(7000, node.LastTimestamp);
    }

    [Fact]
    public void Rejects_with_the_end_of_the_last_term_that_can_match()
    {
        Append(term: 3, previous: (0, 0), commit: 0, 1, 1, 3, 3);
        Append(term: 4, previous: (4, 2), commit: 0, 4);
        var rejected = Assert.IsType<AppendRejected>(Assert.Single(_effects.MessagesAfterDurable));
        Assert.Equal((4UL, 2UL, 1UL), (rejected.RejectedIndex, rejected.HintIndex, rejected.HintTerm));
    }

    [Fact]
    public void Hands_committed_entries_out_only_when_its_own_disk_has_them()
    {
        Append(term: 1, previous: (0, 0), commit: 2, 1, 1);
        Assert.Equal(2UL, _node.CommitIndex);
        Assert.Empty(_effects.Committed);
        _node.WritesDurable(_effects.Token!.Value, 0);
        _node.TakeEffects(_effects);
        Assert.Equal([1UL, 2UL], _effects.Committed.Select(e => e.Index));
    }

    [Fact]
    public void Ignores_requests_for_its_vote_while_its_promise_holds_unless_the_leader_asked_for_them()
    {
        Append(term: 1, previous: (0, 0), commit: 0, 1);
        var request = new VoteRequest { From = 2, To = 3, Term = 2, LastIndex = 9, LastTerm = 1 };
        _node.Step(request, now: 89_000_000);
        _node.TakeEffects(_effects);
        Assert.Equal(1UL, _node.Term);
        Assert.Empty(_effects.MessagesAfterDurable);

        _node.Step(request with { LeadershipTransfer = true }, now: 89_000_000);
        _node.TakeEffects(_effects);
        Assert.True(Assert.IsType<VoteResponse>(Assert.Single(_effects.MessagesAfterDurable)).Granted);
    }

    [Fact]
    public void Votes_again_once_its_promise_has_run_out()
    {
        Append(term: 1, previous: (0, 0), commit: 0, 1);
        _node.Step(new VoteRequest { From = 2, To = 3, Term = 2, LastIndex = 9, LastTerm = 1 }, now: 90_000_000);
        _node.TakeEffects(_effects);
        Assert.True(Assert.IsType<VoteResponse>(Assert.Single(_effects.MessagesAfterDurable)).Granted);
    }

    [Fact]
    public void A_configuration_that_is_cut_off_gives_way_to_the_one_before()
    {
        using var payload = new Engine.Buffers.PooledBuffer();
        ConfigurationCodec.Write(payload, new Configuration { Voters = [1, 2, 3, 4] });
        Step(1, 1, (0, 0), 0, new LogEntry(1, 1, EntryKind.Configuration, 0, payload.Memory));
        Assert.Equal([1UL, 2, 3, 4], _node.Configuration.Voters);
        Append(term: 2, previous: (0, 0), commit: 0, 2);
        Assert.Equal([1UL, 2, 3], _node.Configuration.Voters);
    }

    private void Append(ulong term, (ulong Index, ulong Term) previous, ulong commit, params ulong[] entryTerms) =>
        Step(term % 2 == 1 ? 1UL : 2UL, term, previous, commit, [.. entryTerms.Select((t, i) => new LogEntry(previous.Index + 1 + (ulong)i, t, EntryKind.Command, 0, new byte[] { (byte)t }))]);

    private void Step(ulong leader, ulong term, (ulong Index, ulong Term) previous, ulong commit, params LogEntry[] entries)
    {
        _node.Step(
            new AppendEntries { From = leader, To = 3, Term = term, PreviousIndex = previous.Index, PreviousTerm = previous.Term, CommitIndex = commit, SentAt = 0, Entries = entries },
            now: 0);
        _node.TakeEffects(_effects);
    }
}
