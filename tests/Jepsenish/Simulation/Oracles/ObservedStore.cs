using RaftKv.Engine.Store;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>A store that tells <see cref="StateChains"/> what every entry did, and the machine's ledger what a checkpoint holds; it refuses no call.</summary>
internal sealed class ObservedStore(IStateStore store, Machine machine, StateChains chains) : IStateStore
{
    private readonly SortedDictionary<uint, ObservedGroup> _groups = [];

    public IReadOnlyCollection<uint> Groups => store.Groups;

    public bool IsDiskFull => store.IsDiskFull;

    public IGroupState Open(uint group)
    {
        if (_groups.TryGetValue(group, out var known))
            return known;
        var state = store.Open(group);
        // What a process finds is in a checkpoint.
        machine.Ledger.Group(group).OnCheckpointed(state.Applied.Index);
        _groups.Add(group, known = new ObservedGroup(state, machine.Number, chains));
        return known;
    }

    public void Drop(uint group)
    {
        _groups.Remove(group);
        store.Drop(group);
    }

    public bool TryBeginCheckpoint() => store.TryBeginCheckpoint();

    public CompletedCheckpoint? PollCheckpoint()
    {
        var completed = store.PollCheckpoint();
        if (completed is null)
            return null;
        foreach (var (group, position) in completed.Groups)
            machine.Ledger.Group(group).OnCheckpointed(position.Index);
        return completed;
    }

    public void Dispose() => store.Dispose();
}
