using RaftKv.Engine;

namespace RaftKv.Consensus.Raft;

/// <summary>
/// The configurations of the log's suffix. The newest governs from the moment it is appended (Raft thesis 4.1); when a conflicting tail is cut off, the one before it governs again.
/// Invariant: indices ascend; at most one is above the commit index on a leader.
/// </summary>
internal sealed class ConfigurationHistory
{
    private readonly List<(ulong Index, Configuration Configuration)> _versions = [];

    public ConfigurationHistory(ulong index, Configuration configuration) => _versions.Add((index, configuration));

    /// <summary>The configuration that governs.</summary>
    public Configuration Current => _versions[^1].Configuration;

    /// <summary>The entry that holds it (or the index it was recovered at).</summary>
    public ulong CurrentIndex => _versions[^1].Index;

    /// <summary>The configurations that govern or may govern again, oldest first; for tests.</summary>
    internal IEnumerable<Configuration> All => _versions.Select(v => v.Configuration);

    /// <summary>How many of them stand above an index; for tests.</summary>
    internal int Above(ulong index) => _versions.Count(v => v.Index > index);

    /// <summary>Whether a node votes in the governing configuration, or in one that may govern again.</summary>
    public bool AnyHasVoter(ulong node)
    {
        foreach (var (_, configuration) in _versions)
        {
            if (configuration.IsVoter(node))
                return true;
        }

        return false;
    }

    public void Add(ulong index, Configuration configuration)
    {
        Invariant.That(index > CurrentIndex, $"configuration at {index} does not follow the one at {CurrentIndex}");
        _versions.Add((index, configuration));
    }

    /// <summary>Forgets configurations of entries from <paramref name="index"/> on; true if the governing one changed.</summary>
    public bool TruncateFrom(ulong index)
    {
        var before = _versions.Count;
        while (_versions.Count > 1 && _versions[^1].Index >= index)
            _versions.RemoveAt(_versions.Count - 1);
        return _versions.Count != before;
    }

    /// <summary>Forgets what cannot be returned to any more: all but the newest at or below <paramref name="committed"/>.</summary>
    public void Settle(ulong committed)
    {
        while (_versions.Count > 1 && _versions[1].Index <= committed)
            _versions.RemoveAt(0);
    }

    /// <summary>Begins again from a snapshot's configuration.</summary>
    public void Reset(ulong index, Configuration configuration)
    {
        _versions.Clear();
        _versions.Add((index, configuration));
    }
}
