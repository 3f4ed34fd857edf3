using RaftKv.Engine.Store;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// What every group's state was after every entry, as a chain of hashes over all changes: the first replica to apply an entry says what it does, all others must do the same
/// (reliability.md, property 2: equal state per group and index).
/// </summary>
internal sealed class StateChains(int groups)
{
    private readonly List<(ulong Chain, AppliedPosition Position)>[] _groups = [.. Enumerable.Range(0, groups + 1).Select(_ => new List<(ulong, AppliedPosition)>())];

    private readonly Dictionary<(uint Group, ulong Index), ulong> _images = [];

    /// <summary>Last entry that any replica of a group has applied: a client may have seen its effect.</summary>
    public ulong LastApplied(uint group) => (ulong)_groups[group].Count;

    /// <summary>The state after an entry; 0 before the first.</summary>
    public ulong At(uint group, ulong index)
    {
        if (index == 0)
            return 0;
        return index <= (ulong)_groups[group].Count
            ? _groups[group][(int)index - 1].Chain
            : throw new SimulationViolationException($"group {group}: a state after entry {index} appeared, and nobody has applied that entry");
    }

    /// <summary>A replica's users' records, as an image holds them or as they were installed: the same for everybody at the same entry.</summary>
    public void OnImage(ulong node, uint group, AppliedPosition position, ulong hash, string what)
    {
        if (!_images.TryAdd((group, position.Index), hash) && _images[(group, position.Index)] != hash)
            throw new SimulationViolationException($"group {group}: the image {what} at node {node} does not hold what others had after entry {position.Index}");
    }

    /// <summary>A replica completed an entry.</summary>
    public void OnApplied(ulong node, uint group, AppliedPosition position, ulong chain)
    {
        var known = _groups[group];
        if (position.Index <= (ulong)known.Count)
        {
            var before = known[(int)position.Index - 1];
            if (before.Position != position)
                throw new SimulationViolationException($"group {group}: node {node} applied {position}, another node applied {before.Position}");
            if (before.Chain != chain)
                throw new SimulationViolationException($"group {group}: entry {position.Index} left node {node} with another state than it left others");
            return;
        }

        if (position.Index != (ulong)known.Count + 1)
            throw new SimulationViolationException($"group {group}: node {node} applied entry {position.Index}, and nobody has applied entry {known.Count + 1}");
        known.Add((chain, position));
    }

    /// <summary>A replica's state was replaced, or recovered, at a position.</summary>
    public void OnInstalled(ulong node, uint group, AppliedPosition position)
    {
        if (position.Index == 0)
            return;
        _ = At(group, position.Index);
        var known = _groups[group][(int)position.Index - 1].Position;
        if (known != position)
            throw new SimulationViolationException($"group {group}: node {node} has the state of {position}, which was {known}");
    }
}
