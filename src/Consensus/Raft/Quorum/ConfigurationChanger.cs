namespace RaftKv.Consensus.Raft;

/// <summary>
/// Computes what a configuration becomes (Raft thesis 4.1 and 4.3). Pure: returns null with a reason when the change is not allowed.
/// Invariant: a simple change adds or removes at most one voter, so that every majority before it meets every majority after it.
/// </summary>
internal static class ConfigurationChanger
{
    /// <summary>The configuration after a change of at most one voter.</summary>
    public static Configuration? Simple(Configuration current, ConfigurationChange change, out string? refusal)
    {
        if (current.IsJoint)
            return Refuse("can't apply simple config change in joint config", out refusal);
        var next = Apply(current, [], change, out refusal);
        if (next is null)
            return null;
        var changed = next.Voters.Except(current.Voters).Count() + current.Voters.Except(next.Voters).Count();
        return changed > 1 ? Refuse("more than one voter changed without entering joint config", out refusal) : next;
    }

    /// <summary>The joint configuration that leads to the change.</summary>
    public static Configuration? EnterJoint(Configuration current, ConfigurationChange change, bool autoLeave, out string? refusal)
    {
        if (current.IsJoint)
            return Refuse("config is already joint", out refusal);
        if (current.Voters.Count == 0)
            return Refuse("can't make a zero-voter config joint", out refusal);
        var next = Apply(current, current.Voters, change, out refusal);
        return next is null ? null : next with { AutoLeave = autoLeave };
    }

    /// <summary>The configuration after the joint one: the incoming voters decide alone, demoted voters learn.</summary>
    public static Configuration? LeaveJoint(Configuration current, out string? refusal)
    {
        if (!current.IsJoint)
            return Refuse("can't leave a non-joint config", out refusal);
        refusal = null;
        return new Configuration { Voters = current.Voters, Learners = Sorted(current.Learners.Concat(current.LearnersNext)) };
    }

    /// <summary>The configuration that a leader appends for a change: simple for a single step, else joint.</summary>
    public static Configuration? For(Configuration current, ConfigurationChange change, out string? refusal) =>
        change.Steps.Count == 1 ? Simple(current, change, out refusal) : EnterJoint(current, change, autoLeave: true, out refusal);

    private static Configuration? Apply(Configuration current, IReadOnlyList<ulong> outgoing, ConfigurationChange change, out string? refusal)
    {
        var voters = new SortedSet<ulong>(current.Voters);
        var learners = new SortedSet<ulong>(current.Learners);
        var learnersNext = new SortedSet<ulong>();
        foreach (var (step, node) in change.Steps)
        {
            // Node 0 means "nobody" everywhere.
            if (node == 0)
                continue;
            voters.Remove(node);
            learners.Remove(node);
            learnersNext.Remove(node);
            if (step == ConfigurationStep.AddVoter)
                voters.Add(node);
            else if (step == ConfigurationStep.AddLearner && outgoing.Contains(node))
                // It still votes in the outgoing set, and nobody may be voter and learner at once.
                learnersNext.Add(node);
            else if (step == ConfigurationStep.AddLearner)
                learners.Add(node);
        }

        if (voters.Count == 0)
            return Refuse("removed all voters", out refusal);
        refusal = null;
        return new Configuration { Voters = [.. voters], Outgoing = outgoing, Learners = [.. learners], LearnersNext = [.. learnersNext] };
    }

    private static ulong[] Sorted(IEnumerable<ulong> nodes) => [.. nodes.Order()];

    private static Configuration? Refuse(string reason, out string? refusal)
    {
        refusal = reason;
        return null;
    }
}
