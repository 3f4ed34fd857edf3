using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>Removes keys. Result: Ok and how many of them were there. Body: keys (length, bytes each) to the end.</summary>
public readonly ref struct DeleteCommand
{
    private readonly ReadOnlySpan<byte> _keys;

    private DeleteCommand(ReadOnlySpan<byte> keys) => _keys = keys;

    /// <summary>Appends a command for one key to <paramref name="into"/>; more are added by <see cref="AddKey"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key)
    {
        EncodeEmpty(into);
        AddKey(into, key);
    }

    /// <summary>Appends a command for no key yet.</summary>
    public static void EncodeEmpty(PooledBuffer into) => into.WriteEnvelope(CommandKind.Delete);

    /// <summary>Adds a key to the command at the end of <paramref name="into"/>.</summary>
    public static void AddKey(PooledBuffer into, ReadOnlySpan<byte> key) => into.WriteBytes(key);

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out DeleteCommand command)
    {
        command = new DeleteCommand(body);
        var reader = new ByteReader(body);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadBytes(out _))
                return false;
        }
        return true;
    }

    /// <summary>A reader over the keys, each to be read by <see cref="ByteReader.TryReadBytes"/>.</summary>
    public ByteReader Keys => new(_keys);

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
        var removed = 0L;
        var keys = Keys;
        while (!context.IsExceeded && keys.TryReadBytes(out var key))
        {
            // A key longer than the ceiling cannot be there: the store need not be asked with it.
            if (key.Length <= CommandLimits.KeyCeiling && context.Remove(key))
                removed++;
        }
        context.ReplyNumber(removed);
    }
}
