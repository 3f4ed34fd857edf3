using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>
/// Adds to a decimal number, as Redis INCRBYFLOAT: an absent key counts as 0, the expiry is kept. Result: Ok and the new value's text; NotAFloat (value or delta); Overflow.
/// Body: key (length, bytes), delta as text (the rest).
/// </summary>
public readonly ref struct IncrementFloatCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>What to add, in decimal.</summary>
    public ReadOnlySpan<byte> Delta { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>. The delta stays text, so that 0.1 means one tenth and not the nearest double.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, ReadOnlySpan<byte> delta)
    {
        into.WriteEnvelope(CommandKind.IncrementFloat);
        into.WriteBytes(key);
        into.Write(delta);
    }

    /// <summary>Whether a text is a delta that <see cref="Encode"/> should be given: a finite decimal number.</summary>
    public static bool IsNumber(ReadOnlySpan<byte> text) => Numbers.TryParse(text, out double _);

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out IncrementFloatCommand command)
    {
        var reader = new ByteReader(body);
        var read = reader.TryReadBytes(out var key);
        command = new IncrementFloatCommand { Key = key, Delta = reader.Rest };
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
        var existed = context.TryRead(Key, context.Scratch, out var before);
        Span<byte> text = stackalloc byte[Numbers.MaxFloatLength];
        var status = Numbers.Add(existed ? context.Scratch.Span : "0"u8, Delta, text, out var written);
        if (status == ResultStatus.Ok)
            context.Write(Key, Expiry.Keep, before, text[..written]);
        context.Reply(status);
        context.Result.Write(text[..written]);
    }
}
