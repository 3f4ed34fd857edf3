using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Machine;

/// <summary>From a command's kind to its apply. Unknown kinds and unreadable bodies end as Malformed and change nothing.</summary>
internal static class CommandDispatcher
{
    /// <summary>Runs any command but those of sessions.</summary>
    public static void Apply(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body)
    {
        if (kind == CommandKind.Batch && BatchCommand.TryRead(body, out var batch))
            batch.Apply(context, ApplySimple);
        else if (kind == CommandKind.ExpireDue && context.MayWrite && ExpireDueCommand.TryRead(body, out var maxCount))
            ExpireDueCommand.Apply(context, maxCount);
        else
            ApplySimple(context, kind, body);
    }

    /// <summary>Runs a command of those that a batch may hold.</summary>
    public static void ApplySimple(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body)
    {
        if (!(kind.IsReadOnly() ? TryRead(context, kind, body) : context.MayWrite && TryWrite(context, kind, body)))
            context.Reply(ResultStatus.Malformed);
    }

    private static bool TryRead(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body)
    {
        switch (kind)
        {
            case CommandKind.Get when GetCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Scan when ScanCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Count when body.IsEmpty:
                CountCommand.Apply(context);
                return true;
            case CommandKind.KeyAt when KeyAtCommand.TryRead(body, out var number):
                KeyAtCommand.Apply(context, number);
                return true;
            default:
                return false;
        }
    }

    private static bool TryWrite(CommandContext context, CommandKind kind, ReadOnlySpan<byte> body)
    {
        switch (kind)
        {
            case CommandKind.Put when PutCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Delete when DeleteCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.CompareAndSet when CompareAndSetCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Increment when IncrementCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.IncrementFloat when IncrementFloatCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Append when AppendCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.SetRange when SetRangeCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Expire when ExpireCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Rename when RenameCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.Clear when body.IsEmpty:
                ClearCommand.Apply(context);
                return true;
            case CommandKind.GetDelete when GetDeleteCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            case CommandKind.GetExpire when GetExpireCommand.TryRead(body, out var command):
                command.Apply(context);
                return true;
            default:
                return false;
        }
    }
}
