using RaftKv.Engine.Store;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>A store that tells <see cref="StateChains"/> what every entry did, and refuses no call.</summary>
internal sealed class ObservedStore(IStateStore store, ulong node, StateChains chains) : IStateStore
{
    private readonly SortedDictionary<uint, ObservedGroup> _groups = [];

    public IReadOnlyCollection<uint> Groups => store.Groups;

    public bool IsDiskFull => store.IsDiskFull;

    public IGroupState Open(uint group)
    {
        if (!_groups.TryGetValue(group, out var known))
            _groups.Add(group, known = new ObservedGroup(store.Open(group), node, chains));
        return known;
    }

    public void Drop(uint group)
    {
        _groups.Remove(group);
        store.Drop(group);
    }

    public bool TryBeginCheckpoint() => store.TryBeginCheckpoint();

    public CompletedCheckpoint? PollCheckpoint() => store.PollCheckpoint();

    public void Dispose() => store.Dispose();
}
