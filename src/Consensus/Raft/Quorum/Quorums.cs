using System.Diagnostics.CodeAnalysis;

namespace RaftKv.Consensus.Raft;

/// <summary>How an election stands.</summary>
internal enum VoteResult
{
    Pending,
    Won,
    Lost,
}

/// <summary>
/// What a quorum agrees on: a majority of the voters, and while joint a majority of the outgoing voters too. An empty set agrees with everything.
/// </summary>
internal static class Quorums
{
    /// <summary>The highest value that a quorum has reached, given each voter's; <see cref="long.MaxValue"/> without voters.</summary>
    public static long Reached(Configuration configuration, Func<ulong, long> valueOf) =>
        Math.Min(Reached(configuration.Voters, valueOf), Reached(configuration.Outgoing, valueOf));

    /// <summary>How an election stands, given each voter's answer (null: none yet).</summary>
    public static VoteResult Tally(Configuration configuration, Func<ulong, bool?> voteOf)
    {
        var incoming = Tally(configuration.Voters, voteOf);
        var outgoing = Tally(configuration.Outgoing, voteOf);
        if (incoming == VoteResult.Lost || outgoing == VoteResult.Lost)
            return VoteResult.Lost;
        return incoming == VoteResult.Won && outgoing == VoteResult.Won ? VoteResult.Won : VoteResult.Pending;
    }

    [SuppressMessage("Performance", "CA1859", Justification = "both lists of a configuration")]
    private static long Reached(IReadOnlyList<ulong> voters, Func<ulong, long> valueOf)
    {
        if (voters.Count == 0)
            return long.MaxValue;
        Span<long> values = voters.Count <= 16 ? stackalloc long[voters.Count] : new long[voters.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = valueOf(voters[i]);
        values.Sort();
        // With n values ascending, a majority (n/2 + 1) has reached the one with n/2 values behind it.
        return values[values.Length - (values.Length / 2) - 1];
    }

    private static VoteResult Tally(IReadOnlyList<ulong> voters, Func<ulong, bool?> voteOf)
    {
        int yes = 0, missing = 0;
        for (var i = 0; i < voters.Count; i++)
        {
            var vote = voteOf(voters[i]);
            yes += vote == true ? 1 : 0;
            missing += vote is null ? 1 : 0;
        }

        var needed = voters.Count == 0 ? 0 : (voters.Count / 2) + 1;
        if (yes >= needed)
            return VoteResult.Won;
        return yes + missing >= needed ? VoteResult.Pending : VoteResult.Lost;
    }
}
