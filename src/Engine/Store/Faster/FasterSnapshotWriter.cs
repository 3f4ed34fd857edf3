using RaftKv.Engine.Store.HybridLog;
using RaftKv.Engine.Store.Snapshots;

namespace RaftKv.Engine.Store.Faster;

/// <summary>
/// Writes an image under new incarnations of the group's keyspaces, which no reader knows until <see cref="FasterGroupState.Install"/> puts them in place of the old ones.
/// A crash before the next checkpoint leaves the old state: the manifest does not name the new incarnations, so recovery leaves their records out.
/// </summary>
internal sealed class FasterSnapshotWriter(FasterStateStore store, FasterGroupState target) : ImageWriter
{
    private readonly StoreSpace _system = store.NewSpace(target.Group, Keyspace.System);
    private readonly StoreSpace _user = store.NewSpace(target.Group, Keyspace.User);

    /// <inheritdoc/>
    protected override void Add(Keyspace space, ReadOnlySpan<byte> key, RecordHeader header, ReadOnlySpan<byte> value) =>
        store.Put(space == Keyspace.System ? _system : _user, key, header, value, hadExpiry: false);

    /// <inheritdoc/>
    protected override void Install(AppliedPosition position) => target.Install(_system, _user, position);

    /// <inheritdoc/>
    protected override void Abandon()
    {
        store.Forget(_system);
        store.Forget(_user);
    }
}
