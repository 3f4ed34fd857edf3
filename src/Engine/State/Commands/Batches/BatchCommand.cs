using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Batches;

/// <summary>
/// Several commands in one entry, under conditions on revisions; nothing comes between them and later ones see what earlier ones did. All share the entry's revision.
/// If a condition does not hold, nothing is done. A command that fails leaves the others in force, as in Redis EXEC, unless the batch is all-or-nothing: then nothing remains.
/// A command counts as failed unless it ends as Ok, or as NotFound of a record read. A batch that would pass a ceiling of <see cref="CommandLimits"/> does nothing, whatever kind it is.
/// Result: Ok, number of results (4), results (4 bytes of length and as many bytes, each). Not Ok: 1 if a condition failed, 0 if a command did (1 byte), its number from 0 (4),
/// and for a condition the key's revision (8, else 0).
/// Body: flags (1; bit 0: all or nothing), number of conditions (4), of commands (4); conditions: revision (8; 0: absent), key (length, bytes); commands: length (4), kind (1), body.
/// As a query a batch may hold read-only commands only. Batches do not nest; session and expiry commands are refused.
/// </summary>
public readonly ref struct BatchCommand
{
    internal const byte AllOrNothingFlag = 1;

    private readonly ReadOnlySpan<byte> _parts;

    private BatchCommand(ReadOnlySpan<byte> parts) => _parts = parts;

    /// <summary>Whether a failing command takes back the others.</summary>
    public bool AllOrNothing { get; private init; }

    /// <summary>Number of conditions.</summary>
    public uint ConditionCount { get; private init; }

    /// <summary>Number of commands.</summary>
    public uint CommandCount { get; private init; }

    /// <summary>Reads a body and checks its structure to the end; false if it is malformed. The commands' own bodies are read when they run.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out BatchCommand command)
    {
        command = default;
        var reader = new ByteReader(body);
        if (!reader.TryReadByte(out var flags) || flags > AllOrNothingFlag || !reader.TryReadUInt32(out var conditions) || !reader.TryReadUInt32(out var commands))
            return false;
        command = new BatchCommand(reader.Rest) { AllOrNothing = (flags & AllOrNothingFlag) != 0, ConditionCount = conditions, CommandCount = commands };
        for (var i = 0u; i < conditions; i++)
        {
            if (!TryReadCondition(ref reader, out _, out _))
                return false;
        }
        for (var i = 0u; i < commands; i++)
        {
            if (!TryReadCommand(ref reader, out _, out _))
                return false;
        }
        return reader.AtEnd;
    }

    /// <summary>A reader over the conditions, then the commands.</summary>
    public ByteReader Parts => new(_parts);

    /// <summary>Reads the next condition from <see cref="Parts"/>.</summary>
    public static bool TryReadCondition(ref ByteReader parts, out ulong revision, out ReadOnlySpan<byte> key)
    {
        key = default;
        return parts.TryReadUInt64(out revision) && parts.TryReadBytes(out key);
    }

    /// <summary>Reads the next command from <see cref="Parts"/>, once all conditions are read.</summary>
    public static bool TryReadCommand(ref ByteReader parts, out CommandKind kind, out ReadOnlySpan<byte> body)
    {
        kind = default;
        body = default;
        if (!parts.TryReadUInt32(out var length) || length > int.MaxValue || !parts.TryReadExactly((int)length, out body) || body.IsEmpty)
            return false;
        kind = (CommandKind)body[0];
        body = body[1..];
        return true;
    }

    /// <summary>See <see cref="ApplyCommand"/>; <paramref name="runner"/> runs the parts.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body, CommandRunner runner)
    {
        if (!TryRead(body, out var command))
            return false;
        command.Apply(context, runner);
        return true;
    }

    internal void Apply(CommandContext context, CommandRunner runner)
    {
        var parts = Parts;
        for (var i = 0u; i < ConditionCount; i++)
        {
            TryReadCondition(ref parts, out var expected, out var key);
            if (!context.CountAccess())
                return;
            if (key.Length > CommandLimits.KeyCeiling)
            {
                context.Reply(ResultStatus.TooLarge);
                WriteFailure(context, true, i, 0);
                return;
            }
            context.TryGetHeader(key, out var header);
            if (header.Revision == expected)
                continue;
            context.Reply(ResultStatus.ConditionFailed);
            WriteFailure(context, true, i, header.Revision);
            return;
        }
        var start = context.Result.Length;
        context.Reply(ResultStatus.Ok);
        context.Result.WriteUInt32(CommandCount);
        for (var i = 0u; i < CommandCount; i++)
        {
            TryReadCommand(ref parts, out var kind, out var body);
            if (!context.CountAccess())
                return;
            var status = Run(context, runner, kind, body);
            if (!context.CheckResult())
                return;
            if (!AllOrNothing || !IsFailure(kind, status))
                continue;
            // A query has changed nothing.
            if (context.HasUndo)
                context.RollBack();
            context.Result.SetLength(start);
            context.Reply(status);
            WriteFailure(context, false, i, 0);
            return;
        }
    }

    private static ResultStatus Run(CommandContext context, CommandRunner runner, CommandKind kind, ReadOnlySpan<byte> body)
    {
        var result = context.Result;
        var start = result.Length;
        result.WriteUInt32(0);
        runner(context, kind, body);
        var length = result.Length - start - 4;
        BinaryPrimitives.WriteUInt32LittleEndian(result.WritableSpan[start..], (uint)length);
        return (ResultStatus)result.Span[start + 4];
    }

    private static bool IsFailure(CommandKind kind, ResultStatus status) =>
        status != ResultStatus.Ok && (status != ResultStatus.NotFound || kind == CommandKind.Rename);

    private static void WriteFailure(CommandContext context, bool condition, uint number, ulong revision)
    {
        context.Result.WriteByte(condition ? (byte)1 : (byte)0);
        context.Result.WriteUInt32(number);
        context.Result.WriteUInt64(revision);
    }
}
