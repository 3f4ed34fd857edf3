using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>
/// Reads a record. Result: Ok, the record's revision, its expiry (8 bytes, 0: never) and its value (the rest; empty if only the header was asked for); or NotFound with revision 0.
/// Body: header-only flag (1), key (the rest).
/// </summary>
public readonly ref struct GetCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>Whether the value is left out: enough to tell existence, revision and expiry.</summary>
    public bool HeaderOnly { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, bool headerOnly = false)
    {
        into.WriteEnvelope(CommandKind.Get);
        into.WriteByte(headerOnly ? (byte)1 : (byte)0);
        into.Write(key);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out GetCommand command)
    {
        var reader = new ByteReader(body);
        var read = reader.TryReadByte(out var headerOnly) && headerOnly <= 1;
        command = new GetCommand { Key = reader.Rest, HeaderOnly = headerOnly == 1 };
        return read;
    }

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!TryRead(body, out var command))
            return false;
        command.Apply(context);
        return true;
    }

    internal void Apply(CommandContext context)
    {
        if (context.RefusesSize(Key.Length, 0))
            return;
        if (HeaderOnly)
        {
            Reply(context, context.TryGetHeader(Key, out var header), header, []);
            return;
        }
        context.Scratch.Clear();
        var found = context.TryRead(Key, context.Scratch, out var record);
        Reply(context, found, record, context.Scratch.Span);
    }

    /// <summary>The result of every command that returns a record.</summary>
    internal static void Reply(CommandContext context, bool found, in RecordHeader header, ReadOnlySpan<byte> value) => WriteResult(context.Result, found, header, value);

    /// <summary>As <see cref="Reply"/>, where there is no context.</summary>
    internal static void WriteResult(PooledBuffer result, bool found, in RecordHeader header, ReadOnlySpan<byte> value)
    {
        result.WriteByte((byte)(found ? ResultStatus.Ok : ResultStatus.NotFound));
        result.WriteUInt64(header.Revision);
        if (!found)
            return;
        result.WriteInt64(header.ExpireAt);
        result.Write(value);
    }
}
