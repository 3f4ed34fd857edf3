using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Raft;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>Everything of a replica that oracles judge after a turn: while it stays the same, there is nothing new to judge.</summary>
/// <param name="Voters">The governing configuration, by reference: it is replaced, never changed.</param>
/// <param name="LastApplied">What any replica of the group has applied.</param>
/// <param name="Matches">Sum of what a leader takes its followers to hold: it grows when any does.</param>
/// <param name="KnowsTime">Whether it knows the time of its log.</param>
internal readonly record struct Standing(ulong Term, RaftRole Role, ulong Commit, ulong LastIndex, object Voters, long LeaseUntil, ulong Applied, ulong LastApplied, ulong Matches, bool KnowsTime)
{
    /// <summary>How a replica stands now.</summary>
    public static Standing Of(Replica replica, ulong lastApplied)
    {
        var core = replica.Core;
        return new Standing(core.Term, core.Role, core.CommitIndex, core.LastIndex, core.Configuration.Voters, replica.View.LeaseUntil, replica.View.Applied, lastApplied, core.Role == RaftRole.Leader ? SumOfMatches(core) : 0, replica.View.LogOrigin != LogClock.Unknown);
    }

    private static ulong SumOfMatches(RaftNode core)
    {
        var sum = 0UL;
        foreach (var voter in core.Configuration.Voters)
            sum += core.MatchOf(voter);
        return sum;
    }
}
