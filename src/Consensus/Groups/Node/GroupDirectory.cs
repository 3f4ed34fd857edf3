using System.Diagnostics.CodeAnalysis;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// The groups of which a node has a replica, and where: an immutable snapshot. Whoever has one looks groups up without a lock; groups that come or go make a new one with the next version.
/// </summary>
internal sealed class GroupDirectory
{
    // By group number; sparse only where groups have gone.
    private readonly Entry?[] _entries;

    private GroupDirectory(Entry?[] entries, long version)
    {
        (_entries, Version) = (entries, version);
        Views = [.. entries.Where(e => e is not null).Select(e => e!.View)];
    }

    /// <summary>No group at all.</summary>
    public static GroupDirectory Empty { get; } = new([], 0);

    /// <summary>Ascends with every change.</summary>
    public long Version { get; }

    /// <summary>What the replicas publish, by group number.</summary>
    public IReadOnlyList<GroupView> Views { get; }

    /// <summary>The shard whose thread owns a group: frames are dealt out by it too, before anybody looks whether the group is there.</summary>
    public static int ShardOf(uint group, int shards) => (int)(group % (uint)shards);

    /// <summary>Finds a group.</summary>
    public bool TryFind(uint group, [NotNullWhen(true)] out Entry? entry)
    {
        entry = group < (uint)_entries.Length ? _entries[group] : null;
        return entry is not null;
    }

    /// <summary>The same with one group more, or in the place of the one of that number.</summary>
    public GroupDirectory With(Shard shard, GroupView view)
    {
        var entries = new Entry?[Math.Max(_entries.Length, (int)view.Group + 1)];
        _entries.CopyTo(entries, 0);
        entries[view.Group] = new Entry(shard, view);
        return new GroupDirectory(entries, Version + 1);
    }

    /// <summary>The same without a group.</summary>
    public GroupDirectory Without(uint group)
    {
        if (!TryFind(group, out _))
            return this;
        var entries = (Entry?[])_entries.Clone();
        entries[group] = null;
        return new GroupDirectory(entries, Version + 1);
    }

    /// <summary>A group: the shard that owns it, and what other threads may know of it.</summary>
    internal sealed record Entry(Shard Shard, GroupView View);
}
