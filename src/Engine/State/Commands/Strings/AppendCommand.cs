using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>Appends to a value, or creates it; the expiry is kept. Result: Ok and the new length; TooLarge. Body: key (length, bytes), suffix (the rest).</summary>
public readonly ref struct AppendCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>What to append.</summary>
    public ReadOnlySpan<byte> Suffix { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, ReadOnlySpan<byte> suffix)
    {
        into.WriteEnvelope(CommandKind.Append);
        into.WriteBytes(key);
        into.Write(suffix);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out AppendCommand command)
    {
        var reader = new ByteReader(body);
        var read = reader.TryReadBytes(out var key);
        command = new AppendCommand { Key = key, Suffix = reader.Rest };
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
        var value = context.Scratch;
        value.Clear();
        if (context.RefusesSize(Key.Length, 0))
            return;
        context.TryRead(Key, value, out var before);
        if (context.RefusesSize(0, (long)value.Length + Suffix.Length))
            return;
        value.Write(Suffix);
        context.Write(Key, Expiry.Keep, before, value.Span);
        context.ReplyNumber(value.Length);
    }
}
