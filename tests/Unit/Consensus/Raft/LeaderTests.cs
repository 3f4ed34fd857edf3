using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Tests.Harness.Raft;
using Xunit;

namespace RaftKv.Tests.Unit.Consensus.Raft;

/// <summary>What a leader makes of answers, effect by effect.</summary>
public class LeaderTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RaftEffects _effects = new();
    private readonly RaftNode _node;

    public LeaderTests()
    {
        _disk.Start(new StateImage(0, 0, new Configuration { Voters = [1, 2, 3] }, 0));
        _node = new RaftNode(new RaftOptions { Self = 1, LeaderLeaseDuration = 0, MaxUncommittedBytes = 10 }, _disk.Recover(), _disk, seed: 1, now: 0);
        _node.Campaign(0);
        Step(new PreVoteResponse { From = 2, To = 1, Term = 1, Granted = true });
        Step(new VoteResponse { From = 2, To = 1, Term = 1, Granted = true });
        Assert.Equal(RaftRole.Leader, _node.Role);
    }

    [Fact]
    public void An_acknowledgement_of_an_earlier_term_counts_for_nothing()
    {
        Step(new AppendAccepted { From = 2, To = 1, Term = 0, MatchIndex = 1, SentAtEcho = 0 });
        Assert.Equal(0UL, _node.CommitIndex);
        Step(new AppendAccepted { From = 2, To = 1, Term = 1, MatchIndex = 1, SentAtEcho = 0 });
        Assert.Equal(1UL, _node.CommitIndex);
    }

    [Fact]
    public void A_late_acknowledgement_does_not_lower_what_is_known()
    {
        Assert.Equal(ProposeStatus.Accepted, _node.Propose([1], 0, 0, out _));
        Pump();
        Step(new AppendAccepted { From = 2, To = 1, Term = 1, MatchIndex = 2, SentAtEcho = 0 });
        Step(new AppendAccepted { From = 3, To = 1, Term = 1, MatchIndex = 2, SentAtEcho = 0 });
        Step(new AppendAccepted { From = 2, To = 1, Term = 1, MatchIndex = 1, SentAtEcho = 0 });
        // A follower is never told to commit more than it is known to hold.
        _node.Tick(25_000_000);
        _node.TakeEffects(_effects);
        Assert.Equal(2UL, Assert.Single(_effects.Messages.OfType<Heartbeat>(), h => h.To == 2).CommitIndex);
    }

    [Fact]
    public void Refuses_proposals_beyond_the_uncommitted_limit_but_always_takes_one()
    {
        Assert.Equal(ProposeStatus.Accepted, _node.Propose(new byte[50], 0, 0, out _));
        Assert.Equal(ProposeStatus.Overloaded, _node.Propose([1], 0, 0, out _));
        Pump();
        Step(new AppendAccepted { From = 2, To = 1, Term = 1, MatchIndex = 2, SentAtEcho = 0 });
        Assert.Equal(ProposeStatus.Accepted, _node.Propose([1], 0, 0, out _));
    }

    [Fact]
    public void Raises_timestamps_to_the_last_entrys()
    {
        _node.Propose([1], 100, 0, out _);
        _node.Propose([2], 50, 0, out _);
        _node.TakeEffects(_effects);
        Assert.Equal([100L, 100L], _effects.Entries.Select(e => e.Timestamp));
    }

    private void Step(Message message)
    {
        _node.Step(message, 0);
        Pump();
    }

    private void Pump()
    {
        while (_node.HasEffects)
        {
            _node.TakeEffects(_effects);
            if (_effects.Token is not { } token)
                continue;
            _disk.Write(token, _effects.HardState, _effects.Entries);
            _node.WritesDurable(_disk.SyncOne(), 0);
        }
    }
}
