using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine;
using RaftKv.Tests.Harness.Raft;
using Xunit;

namespace RaftKv.Tests.Unit.Consensus.Raft;

/// <summary>canonical/raft#320 and the race told in <c>Durability</c>: the same index and term, written twice.</summary>
public class DurabilityTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RaftEffects _effects = new();
    private readonly RaftNode _node;

    public DurabilityTests()
    {
        _disk.Start(new StateImage(0, 0, new Configuration { Voters = [1, 2, 3] }, 0));
        _node = new RaftNode(new RaftOptions { Self = 3 }, _disk.Recover(), _disk, seed: 1, now: 0);
    }

    [Fact]
    public void A_confirmation_of_an_overwritten_write_does_not_count_for_its_successor_of_the_same_index_and_term()
    {
        var first = Append(leader: 1, leaderTerm: 1, entryTerm: 1);
        var second = Append(leader: 2, leaderTerm: 2, entryTerm: 2);
        // The leader of term 3 has the entry of term 1 and overwrites it back.
        var third = Append(leader: 1, leaderTerm: 3, entryTerm: 1);
        Assert.Equal(_effects.Token, third);

        _node.WritesDurable(first, 0);
        Assert.Equal(0UL, _node.Core.Log.Disk.Index);
        _node.WritesDurable(second, 0);
        Assert.Equal(0UL, _node.Core.Log.Disk.Index);
        _node.WritesDurable(third, 0);
        Assert.Equal(1UL, _node.Core.Log.Disk.Index);
    }

    [Fact]
    public void A_repeated_append_is_acknowledged_only_behind_the_write_under_way()
    {
        var write = Append(leader: 1, leaderTerm: 1, entryTerm: 1);
        Append(leader: 1, leaderTerm: 1, entryTerm: 1);
        Assert.Empty(_effects.Messages);
        Assert.IsType<AppendAccepted>(Assert.Single(_effects.MessagesAfterDurable));
        Assert.Empty(_effects.Entries);
        _node.WritesDurable(write, 0);
        Append(leader: 1, leaderTerm: 1, entryTerm: 1);
        Assert.IsType<AppendAccepted>(Assert.Single(_effects.Messages));
    }

    [Fact]
    public void Writes_confirmed_twice_or_never_handed_out_are_a_bug()
    {
        var write = Append(leader: 1, leaderTerm: 1, entryTerm: 1);
        _node.WritesDurable(write, 0);
        Assert.Throws<InvariantViolationException>(() => _node.WritesDurable(write, 0));
        Assert.Throws<InvariantViolationException>(() => _node.WritesDurable(new StorageToken(99, 1, 1), 0));
    }

    private StorageToken Append(ulong leader, ulong leaderTerm, ulong entryTerm)
    {
        _node.Step(
            new AppendEntries
            {
                From = leader, To = 3, Term = leaderTerm, PreviousIndex = 0, PreviousTerm = 0, CommitIndex = 0, SentAt = 0,
                Entries = [new LogEntry(1, entryTerm, EntryKind.Command, 0, new byte[] { (byte)entryTerm })],
            },
            now: 0);
        _node.TakeEffects(_effects);
        return _effects.Token ?? default;
    }
}
