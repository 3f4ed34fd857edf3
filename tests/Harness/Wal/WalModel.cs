using System.Globalization;
using System.Text;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Tests.Harness.Wal;

/// <summary>What a log should hold, computed the plain way. Immutable from outside: <see cref="Clone"/> before a change that may not last.</summary>
public sealed class WalModel
{
    private readonly SortedDictionary<uint, Group> _groups = [];

    /// <summary>One group, as the log's contract describes it.</summary>
    public sealed class Group
    {
        public ulong Term { get; set; }
        public ulong Vote { get; set; }
        public ulong Start { get; set; }
        public ulong StartTerm { get; set; }
        public SortedDictionary<ulong, WalEntry> Entries { get; } = [];
        public ulong Last => Entries.Count == 0 ? Start : Entries.Keys.Last();
    }

    /// <summary>The groups that exist.</summary>
    public IReadOnlyDictionary<uint, Group> Groups => _groups;

    /// <summary>A copy that does not share what may change.</summary>
    public WalModel Clone()
    {
        var copy = new WalModel();
        foreach (var (id, group) in _groups)
        {
            var other = copy.Of(id);
            (other.Term, other.Vote, other.Start, other.StartTerm) = (group.Term, group.Vote, group.Start, group.StartTerm);
            foreach (var (index, entry) in group.Entries)
                other.Entries.Add(index, entry);
        }

        return copy;
    }

    /// <summary>As the batch's method of this name.</summary>
    public void AppendEntry(uint group, WalEntry entry)
    {
        var entries = Of(group).Entries;
        foreach (var index in entries.Keys.Where(i => i >= entry.Index).ToList())
            entries.Remove(index);
        entries.Add(entry.Index, entry);
    }

    /// <summary>As the batch's method of this name.</summary>
    public void SetHardState(uint group, ulong term, ulong vote) => (Of(group).Term, Of(group).Vote) = (term, vote);

    /// <summary>As the batch's method of this name.</summary>
    public void SetStart(uint group, ulong index, ulong term)
    {
        var g = Of(group);
        var known = index == g.Start ? g.StartTerm : g.Entries.TryGetValue(index, out var entry) ? entry.Term : (ulong?)null;
        foreach (var i in g.Entries.Keys.Where(i => i <= index || known != term).ToList())
            g.Entries.Remove(i);
        (g.Start, g.StartTerm) = (index, term);
    }

    /// <summary>As the batch's method of this name.</summary>
    public void RemoveGroup(uint group) => _groups.Remove(group);

    /// <summary>Everything, in words; equal texts are equal logs.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        foreach (var (id, group) in _groups)
        {
            Head(text, id, group.Term, group.Vote, group.Start, group.StartTerm, group.Last);
            foreach (var entry in group.Entries.Values)
                Entry(text, entry);
        }

        return text.ToString();
    }

    /// <summary>What a log holds, in the same words, every entry read back.</summary>
    public static string Describe(WriteAheadLog log)
    {
        ArgumentNullException.ThrowIfNull(log);
        var text = new StringBuilder();
        var entries = new List<WalEntry>();
        foreach (var group in log.Recovery.Groups.Values.OrderBy(g => g.Group))
        {
            Head(text, group.Group, group.Term, group.Vote, group.StartIndex, group.StartTerm, group.LastIndex);
            entries.Clear();
            if (group.LastIndex > group.StartIndex)
                log.Read(group.Group, group.StartIndex + 1, group.LastIndex, long.MaxValue, entries);
            foreach (var entry in entries)
                Entry(text, entry);
            CheckSummary(group, entries);
        }

        return text.ToString();
    }

    private static void CheckSummary(RecoveredGroup group, List<WalEntry> entries)
    {
        var terms = new List<TermRun>();
        foreach (var entry in entries)
        {
            if (terms.Count == 0 || terms[^1].Term != entry.Term)
                terms.Add(new TermRun(entry.Index, entry.Term));
        }

        if (!terms.SequenceEqual(group.Terms))
            throw new InvalidOperationException($"group {group.Group} reports wrong terms");
        if (!entries.Where(e => e.Kind != 0).Select(e => e.Index).SequenceEqual(group.SpecialIndexes))
            throw new InvalidOperationException($"group {group.Group} reports wrong special indexes");
    }

    private Group Of(uint group)
    {
        if (!_groups.TryGetValue(group, out var found))
            _groups.Add(group, found = new Group());
        return found;
    }

    private static void Head(StringBuilder text, uint group, ulong term, ulong vote, ulong start, ulong startTerm, ulong last) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"group {group}: term {term} vote {vote} start {start}/{startTerm} last {last}");

    private static void Entry(StringBuilder text, WalEntry e) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"  {e.Index}/{e.Term} kind {e.Kind} at {e.Timestamp}: {e.Payload.Length} {Engine.Io.Crc32C.Compute(e.Payload.Span):x8}");
}
