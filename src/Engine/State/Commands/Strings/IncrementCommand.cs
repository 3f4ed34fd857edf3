using System.Buffers.Text;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>
/// Adds to a decimal 64-bit integer, as Redis INCRBY: an absent key counts as 0. Result: Ok and the new value; NotAnInteger; Overflow.
/// Body: delta (8), expiry, key (the rest).
/// </summary>
public readonly ref struct IncrementCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>What to add.</summary>
    public long Delta { get; private init; }

    /// <summary>What becomes of the expiry.</summary>
    public Expiry Expiry { get; private init; }

    /// <summary>Appends to <paramref name="into"/> a command that keeps the expiry.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, long delta) => Encode(into, key, delta, Expiry.Keep);

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, long delta, Expiry expiry)
    {
        into.WriteEnvelope(CommandKind.Increment);
        into.WriteInt64(delta);
        expiry.Write(into);
        into.Write(key);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out IncrementCommand command)
    {
        var reader = new ByteReader(body);
        command = default;
        if (!reader.TryReadInt64(out var delta) || !Expiry.TryRead(ref reader, out var expiry))
            return false;
        command = new IncrementCommand { Delta = delta, Expiry = expiry, Key = reader.Rest };
        return true;
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
        var value = 0L;
        if (context.TryRead(Key, context.Scratch, out var before) && !Numbers.TryParse(context.Scratch.Span, out value))
        {
            context.Reply(ResultStatus.NotAnInteger);
            return;
        }
        var sum = unchecked(value + Delta);
        // Overflow: the operands have one sign and the sum the other.
        if (((value ^ sum) & (Delta ^ sum)) < 0)
        {
            context.Reply(ResultStatus.Overflow);
            return;
        }
        Span<byte> text = stackalloc byte[Numbers.MaxIntegerLength];
        Utf8Formatter.TryFormat(sum, text, out var written);
        context.Write(Key, Expiry, before, text[..written]);
        context.ReplyNumber(sum);
    }
}
