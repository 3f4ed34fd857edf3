using FsCheck;
using FsCheck.Fluent;
using RaftKv.Consensus.Raft;
using Xunit;

namespace RaftKv.Tests.Properties.Consensus.Raft;

/// <summary>Quorums against a naive twin that counts.</summary>
public class QuorumTests
{
    private static readonly Arbitrary<(byte Incoming, byte Outgoing, byte[] Values)> _cases = Arb.From(
        from incoming in Gen.Choose(0, 127)
        from outgoing in Gen.Choose(0, 127)
        from values in Gen.ArrayOf(Gen.Choose(0, 9), 7)
        select ((byte)incoming, (byte)outgoing, values.Select(v => (byte)v).ToArray()));

    [Fact]
    public void The_reached_value_is_the_highest_that_a_majority_of_each_set_has() =>
        Prop.ForAll(_cases, c =>
        {
            var configuration = Of(c.Incoming, c.Outgoing);
            long Value(ulong node) => c.Values[node - 1];
            bool Agreed(IReadOnlyList<ulong> set, long value) => set.Count == 0 || set.Count(node => Value(node) >= value) > set.Count / 2;
            var naive = configuration.Voters.Count + configuration.Outgoing.Count == 0
                ? long.MaxValue
                : Enumerable.Range(0, 10).Select(v => (long)v).Where(v => Agreed(configuration.Voters, v) && Agreed(configuration.Outgoing, v)).Max();
            return Quorums.Reached(configuration, Value) == naive;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_vote_is_won_by_both_majorities_and_lost_when_one_is_out_of_reach() =>
        Prop.ForAll(_cases, c =>
        {
            var configuration = Of(c.Incoming, c.Outgoing);
            bool? Vote(ulong node) => (c.Values[node - 1] % 3) switch { 0 => true, 1 => false, _ => null };
            bool Won(IReadOnlyList<ulong> set) => set.Count == 0 || set.Count(node => Vote(node) == true) > set.Count / 2;
            bool Lost(IReadOnlyList<ulong> set) => set.Count > 0 && set.Count(node => Vote(node) != false) <= set.Count / 2;
            var naive = Lost(configuration.Voters) || Lost(configuration.Outgoing) ? VoteResult.Lost
                : Won(configuration.Voters) && Won(configuration.Outgoing) ? VoteResult.Won : VoteResult.Pending;
            return Quorums.Tally(configuration, Vote) == naive;
        }).QuickCheckThrowOnFailure();

    private static Configuration Of(byte incoming, byte outgoing) => new() { Voters = Nodes(incoming), Outgoing = Nodes(outgoing) };

    private static ulong[] Nodes(byte bits) => [.. Enumerable.Range(0, 7).Where(bit => (bits >> bit & 1) == 1).Select(bit => (ulong)bit + 1)];
}
