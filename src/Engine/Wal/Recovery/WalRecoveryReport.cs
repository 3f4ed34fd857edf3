using RaftKv.Engine.Wal.Index;

namespace RaftKv.Engine.Wal.Recovery;

/// <summary>Describes what a replay found, for those who go on from there.</summary>
internal static class WalRecoveryReport
{
    /// <summary>What survived of each group, and what is damaged.</summary>
    public static WalRecovery Describe(WalReplay replay)
    {
        var groups = new Dictionary<uint, RecoveredGroup>();
        foreach (var group in replay.Index.Groups)
        {
            var terms = new List<TermRun>();
            var special = new List<ulong>();
            var last = group.Start;
            for (var i = 0; i < group.Entries.Count && group.Entries.First + (ulong)i == last + 1; i++)
            {
                var entry = group.Entries[last + 1];
                if (entry.IsHole)
                    break;
                last++;
                if (terms.Count == 0 || terms[^1].Term != entry.Term)
                    terms.Add(new TermRun(last, entry.Term));
                if (entry.Kind != 0)
                    special.Add(last);
            }

            groups.Add(group.Group, new RecoveredGroup
            {
                Group = group.Group,
                Term = group.Term,
                Vote = group.Vote,
                StartIndex = group.Start,
                StartTerm = group.StartTerm,
                LastIndex = last,
                Terms = terms,
                SpecialIndexes = special,
            });
        }

        return new WalRecovery
        {
            Groups = groups,
            Damage = [.. replay.Damage],
            CertainlyDamagedGroups = replay.Lacking,
            LastSequence = replay.LastSequence,
            TornBytes = replay.TornBytes,
        };
    }
}
