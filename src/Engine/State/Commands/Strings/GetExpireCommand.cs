using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>
/// Reads a record and changes its expiry. Result: as <see cref="GetCommand"/>, of the record as it was before. Body: expiry, key (the rest).
/// </summary>
public readonly ref struct GetExpireCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>The new expiry.</summary>
    public Expiry Expiry { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>. <see cref="Expiry.None"/> makes the key persistent; <see cref="Expiry.Keep"/> only reads.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, Expiry expiry)
    {
        into.WriteEnvelope(CommandKind.GetExpire);
        expiry.Write(into);
        into.Write(key);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out GetExpireCommand command)
    {
        var reader = new ByteReader(body);
        var read = Expiry.TryRead(ref reader, out var expiry);
        command = new GetExpireCommand { Expiry = expiry, Key = reader.Rest };
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
        context.Scratch.Clear();
        var found = context.TryRead(Key, context.Scratch, out var record);
        // Making a persistent key persistent is no write: its revision stays, and those who watch it see nothing.
        var changes = Expiry.IsTime || (Expiry.Mode == ExpiryMode.None && record.ExpireAt != 0);
        if (found && changes)
            context.Write(Key, Expiry, record, context.Scratch.Span);
        GetCommand.Reply(context, found, record, context.Scratch.Span);
    }
}
