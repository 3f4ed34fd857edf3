using RaftKv.Engine.Store;

namespace RaftKv.Tests.Harness.Store;

/// <summary>One change of one group, kept so that it can be applied again after a crash.</summary>
internal abstract record StoreEntry(uint Group, AppliedPosition Position)
{
    public abstract void Apply(IGroupState state);
}

/// <summary>Some writes, removals and clearings, completed as one entry.</summary>
internal sealed record ChangeEntry(uint Group, AppliedPosition Position, IReadOnlyList<StoreChange> Changes) : StoreEntry(Group, Position)
{
    public override void Apply(IGroupState state)
    {
        foreach (var change in Changes)
        {
            switch (change.Kind)
            {
                case StoreChangeKind.Write:
                    state.Write(change.Space, change.Key, new RecordHeader(Position.Index, change.ExpireAt), change.Value);
                    break;
                case StoreChangeKind.Remove:
                    state.Remove(change.Space, change.Key);
                    break;
                default:
                    state.Clear(change.Space);
                    break;
            }
        }
        state.CompleteEntry(Position);
    }
}

/// <summary>The installation of an image.</summary>
internal sealed record InstallEntry(uint Group, AppliedPosition Position, IReadOnlyList<byte[]> Image) : StoreEntry(Group, Position)
{
    public override void Apply(IGroupState state)
    {
        using var writer = state.BeginInstall();
        foreach (var chunk in Image)
            writer.Write(chunk);
        writer.Complete(Position);
    }
}

internal enum StoreChangeKind
{
    Write,
    Remove,
    Clear,
}

internal sealed record StoreChange(StoreChangeKind Kind, Keyspace Space, byte[] Key, long ExpireAt, byte[] Value);
