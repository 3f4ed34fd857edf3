using RaftKv.Engine.Store;
using RaftKv.Tests.Harness.Store;

namespace RaftKv.Tests.Jepsenish.Simulation.Machines;

/// <summary>A store whose groups cannot bear one user key: touching it is a defect, on every machine on which <see cref="Machine.Poison"/> says so.</summary>
internal sealed class PoisonedStore(IStateStore store, Machine machine) : IStateStore
{
    private readonly Dictionary<uint, PoisonedGroup> _groups = [];

    public IReadOnlyCollection<uint> Groups => store.Groups;

    public bool IsDiskFull => store.IsDiskFull;

    public IGroupState Open(uint group)
    {
        if (!_groups.TryGetValue(group, out var known))
            _groups.Add(group, known = new PoisonedGroup(store.Open(group), machine));
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

    private sealed class PoisonedGroup(IGroupState state, Machine machine) : InterposedState(state)
    {
        public override byte[]? Poison => machine.Poison;
    }
}
