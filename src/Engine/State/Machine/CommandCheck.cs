using RaftKv.Engine.State.Commands.Batches;
using RaftKv.Engine.State.Commands.Keys;
using RaftKv.Engine.State.Commands.Strings;
using RaftKv.Engine.State.Encoding;

namespace RaftKv.Engine.State.Machine;

/// <summary>
/// What can be said of a write before it is proposed: whether its bytes alone show that it would pass a ceiling of <see cref="CommandLimits"/>. What depends on the records that it meets
/// is decided when it is applied. Refusing here saves the log an entry without effect, and the caller the wait.
/// </summary>
public static class CommandCheck
{
    /// <summary>False, and which ceiling, if a command cannot but pass one. Bytes that are no command pass: they are refused when they are applied.</summary>
    public static bool IsWithinLimits(ReadOnlySpan<byte> command, out CommandBound bound)
    {
        bound = CommandBound.Command;
        if (command.Length > CommandLimits.CommandCeiling)
            return false;
        // Shorter ones cannot name too many records, nor can a single record be too much.
        if (command.Length < CommandEnvelope.Size)
            return true;
        var kind = CommandEnvelope.Kind(command);
        var body = command[CommandEnvelope.Size..];
        if (kind != CommandKind.Batch)
        {
            bound = CommandBound.Accesses;
            return kind != CommandKind.Delete || body.Length < CommandLimits.AccessCeiling / 2 || AccessesOfDelete(body) <= CommandLimits.AccessCeiling;
        }

        return !BatchCommand.TryRead(body, out var batch) || IsWithinLimits(batch, out bound);
    }

    /// <summary>Writes the result that says which ceiling would be passed.</summary>
    public static void WriteResult(Buffers.PooledBuffer result, CommandBound bound)
    {
        result.Clear();
        result.WriteByte((byte)ResultStatus.LimitExceeded);
        result.WriteUInt64(0);
        result.WriteByte((byte)bound);
    }

    private static bool IsWithinLimits(in BatchCommand batch, out CommandBound bound)
    {
        var accesses = (long)batch.ConditionCount + batch.CommandCount;
        var written = 0L;
        var parts = batch.Parts;
        for (var i = 0u; i < batch.ConditionCount; i++)
            BatchCommand.TryReadCondition(ref parts, out _, out _);
        for (var i = 0u; i < batch.CommandCount && accesses <= CommandLimits.AccessCeiling; i++)
        {
            BatchCommand.TryReadCommand(ref parts, out var kind, out var body);
            written += BytesWritten(kind, body);
            if (kind == CommandKind.Delete)
                accesses += AccessesOfDelete(body);
        }

        bound = accesses > CommandLimits.AccessCeiling ? CommandBound.Accesses : CommandBound.Writes;
        return accesses <= CommandLimits.AccessCeiling && written <= CommandLimits.WriteCeiling;
    }

    // A lookup and a removal each.
    private static long AccessesOfDelete(ReadOnlySpan<byte> body)
    {
        if (!DeleteCommand.TryRead(body, out var command))
            return 0;
        var accesses = 0L;
        for (var keys = command.Keys; keys.TryReadBytes(out _);)
            accesses += 2;
        return accesses;
    }

    /// <summary>The least that a command writes if it writes at all.</summary>
    private static long BytesWritten(CommandKind kind, ReadOnlySpan<byte> body) => kind switch
    {
        CommandKind.Put when PutCommand.TryRead(body, out var command) => command.Key.Length + (long)command.Value.Length,
        CommandKind.Append when AppendCommand.TryRead(body, out var command) => command.Key.Length + (long)command.Suffix.Length,
        CommandKind.SetRange when SetRangeCommand.TryRead(body, out var command) => BytesWritten(command),
        _ => 0,
    };

    private static long BytesWritten(in SetRangeCommand command)
    {
        var length = Math.Min(command.Offset, uint.MaxValue) + (ulong)command.Bytes.Length;
        // One that is too long for a value is refused by itself, and writes nothing.
        return command.Bytes.IsEmpty || length > CommandLimits.ValueCeiling ? 0 : command.Key.Length + (long)length;
    }
}
