using RaftKv.Engine.State;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Server.Resp.Execution;

/// <summary>Goes through the results of an operation: one, or a batch's.</summary>
internal ref struct ResultCursor
{
    private readonly bool _isBatch;
    private BatchResult _batch;

    public ResultCursor(uint group, ReadOnlySpan<byte> encoded, bool isBatch)
    {
        Group = group;
        Top = new CommandResult(encoded);
        _isBatch = isBatch;
        if (isBatch && Top.Status == ResultStatus.Ok)
            _batch = Top.Batch;
    }

    /// <summary>The group that they come from.</summary>
    public uint Group { get; }

    /// <summary>The operation's own result.</summary>
    public CommandResult Top { get; }

    /// <summary>The next command's result.</summary>
    public CommandResult Next()
    {
        if (!_isBatch)
            return Top;
        if (!_batch.MoveNext())
            throw new InvalidDataException("A batch has fewer results than commands.");
        return _batch.Current;
    }
}
