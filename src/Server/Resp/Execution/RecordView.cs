using RaftKv.Engine.State;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Server.Resp.Execution;

/// <summary>A record as a reply sees it, whether it came from this node's memory or out of a result.</summary>
internal readonly ref struct RecordView(bool found, uint group, ulong revision, long expireAt, ReadOnlySpan<byte> value)
{
    public bool Found { get; } = found;

    /// <summary>The group that it is in, by whose time it expires.</summary>
    public uint Group { get; } = group;

    public ulong Revision { get; } = revision;

    /// <summary>Milliseconds of the group's time, 0 for never.</summary>
    public long ExpireAt { get; } = expireAt;

    public ReadOnlySpan<byte> Value { get; } = value;

    public static RecordView Of(uint group, CommandResult result) =>
        result.Status == ResultStatus.Ok ? new RecordView(true, group, result.Revision, result.ExpireAt, result.Value) : default;
}
