namespace RaftKv.Server.Resp.Execution;

/// <summary>All keys are in one group. Immutable.</summary>
internal sealed class SingleGroupRouter(uint group) : IKeyRouter
{
    public uint DefaultGroup => group;

    public uint Route(ReadOnlySpan<byte> key) => group;
}
