using System.Text;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// Who votes and who learns. Joint while <see cref="Outgoing"/> is not empty: then a decision needs a majority of both sets (Raft thesis 4.3). Immutable, sets sorted.
/// Invariant: a node is in at most one of Voters, Learners and LearnersNext; LearnersNext is a part of Outgoing. Outgoing and LearnersNext are empty unless joint.
/// </summary>
public sealed record Configuration
{
    /// <summary>Voters (the incoming set while joint).</summary>
    public IReadOnlyList<ulong> Voters { get; init; } = [];

    /// <summary>The outgoing voters while joint, else empty.</summary>
    public IReadOnlyList<ulong> Outgoing { get; init; } = [];

    /// <summary>Nodes that receive the log and do not vote.</summary>
    public IReadOnlyList<ulong> Learners { get; init; } = [];

    /// <summary>Voters of the outgoing set that become learners when the joint configuration is left.</summary>
    public IReadOnlyList<ulong> LearnersNext { get; init; } = [];

    /// <summary>Whether the leader leaves the joint configuration by itself as soon as it is committed.</summary>
    public bool AutoLeave { get; init; }

    /// <summary>Whether two majorities are needed.</summary>
    public bool IsJoint => Outgoing.Count > 0;

    /// <summary>Whether a node's vote counts, in either set.</summary>
    public bool IsVoter(ulong node) => Has(Voters, node) || Has(Outgoing, node);

    /// <summary>Whether a node receives the log.</summary>
    public bool IsMember(ulong node) => IsVoter(node) || Has(Learners, node);

    /// <summary>Every node that receives the log, ascending. Allocates.</summary>
    public IReadOnlyList<ulong> Members()
    {
        var members = new SortedSet<ulong>(Voters);
        members.UnionWith(Outgoing);
        members.UnionWith(Learners);
        return [.. members];
    }

    /// <summary>Equal when the sets are, whichever lists hold them.</summary>
    public bool Equals(Configuration? other) =>
        other is not null && AutoLeave == other.AutoLeave && Voters.SequenceEqual(other.Voters) && Outgoing.SequenceEqual(other.Outgoing)
        && Learners.SequenceEqual(other.Learners) && LearnersNext.SequenceEqual(other.LearnersNext);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = (ulong)Outgoing.Count;
        foreach (var node in Voters)
            hash = (hash * 31) + node;
        return (int)hash ^ (int)(hash >> 32);
    }

    /// <summary>As the field writes it: <c>voters=(1 2 3)&amp;&amp;(1 2) learners=(4) learners_next=(2) autoleave</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append("voters=(").AppendJoin(' ', Voters).Append(')');
        if (IsJoint)
            text.Append("&&(").AppendJoin(' ', Outgoing).Append(')');
        if (Learners.Count > 0)
            text.Append(" learners=(").AppendJoin(' ', Learners).Append(')');
        if (LearnersNext.Count > 0)
            text.Append(" learners_next=(").AppendJoin(' ', LearnersNext).Append(')');
        return text.Append(AutoLeave ? " autoleave" : "").ToString();
    }

    private static bool Has(IReadOnlyList<ulong> set, ulong node)
    {
        for (var i = 0; i < set.Count; i++)
        {
            if (set[i] == node)
                return true;
        }

        return false;
    }
}
