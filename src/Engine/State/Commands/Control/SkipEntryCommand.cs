using System.Buffers.Binary;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Control;

/// <summary>
/// Says that an earlier entry, at which the replicas of a group halted, is to have no effect. A halted replica looks for it among the committed entries behind the one it halted at.
/// Result: Ok. Body: index of the entry (8). Belongs to no session: it is harmless when repeated.
/// Each entry skipped leaves a record in <see cref="Keyspace.System"/>, key "raft/skipped/" and the index (8, big-endian), no value: it goes into checkpoints and snapshots with the state.
/// Invariant: a replica whose state has no such record applied the entry, and its state is not that of the others: it goes no further.
/// </summary>
public static class SkipEntryCommand
{
    private static ReadOnlySpan<byte> Prefix => "raft/skipped/"u8;

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ulong index)
    {
        into.WriteEnvelope(CommandKind.SkipEntry);
        into.WriteUInt64(index);
    }

    /// <summary>Reads a whole command, envelope and all; false if it is another, or malformed.</summary>
    public static bool TryReadCommand(ReadOnlySpan<byte> command, out ulong index)
    {
        index = 0;
        return command.Length >= CommandEnvelope.Size && command[1] == 0 && CommandEnvelope.Kind(command) == CommandKind.SkipEntry
            && TryRead(command[CommandEnvelope.Size..], out index);
    }

    /// <summary>Writes the result of a skip that a leader does not take, because its group has not halted at that entry: ConditionFailed.</summary>
    public static void WriteRefusal(PooledBuffer result)
    {
        result.Clear();
        result.WriteByte((byte)ResultStatus.ConditionFailed);
        result.WriteUInt64(0);
    }

    internal static bool TryRead(ReadOnlySpan<byte> body, out ulong index)
    {
        var reader = new ByteReader(body);
        return reader.TryReadUInt64(out index) && reader.AtEnd;
    }

    internal static void Apply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!TryRead(body, out var index) || index == 0 || index >= context.Revision)
        {
            context.Reply(ResultStatus.Malformed);
            return;
        }

        if (!context.State.TryGetHeader(Keyspace.System, Key(stackalloc byte[KeyLength], index), out _))
            throw new SkippedEntryWasAppliedException(context.State.Group, index);
        context.Reply(ResultStatus.Ok);
    }

    internal static void Remember(IGroupState state, ulong index) =>
        state.Write(Keyspace.System, Key(stackalloc byte[KeyLength], index), new RecordHeader(index, 0), []);

    private static int KeyLength => Prefix.Length + 8;

    private static ReadOnlySpan<byte> Key(Span<byte> into, ulong index)
    {
        Prefix.CopyTo(into);
        BinaryPrimitives.WriteUInt64BigEndian(into[Prefix.Length..], index);
        return into;
    }
}
