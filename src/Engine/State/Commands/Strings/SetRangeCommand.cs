using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Strings;

/// <summary>
/// Overwrites part of a value, filling a gap with zeros; the expiry is kept. Nothing to write changes nothing and creates nothing, as Redis SETRANGE.
/// Result: Ok and the length; TooLarge. Body: offset (8), key (length, bytes), bytes (the rest).
/// </summary>
public readonly ref struct SetRangeCommand
{
    /// <summary>The key.</summary>
    public ReadOnlySpan<byte> Key { get; private init; }

    /// <summary>Where to write.</summary>
    public ulong Offset { get; private init; }

    /// <summary>What to write.</summary>
    public ReadOnlySpan<byte> Bytes { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> key, ulong offset, ReadOnlySpan<byte> bytes)
    {
        into.WriteEnvelope(CommandKind.SetRange);
        into.WriteUInt64(offset);
        into.WriteBytes(key);
        into.Write(bytes);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out SetRangeCommand command)
    {
        var reader = new ByteReader(body);
        ReadOnlySpan<byte> key = default;
        var read = reader.TryReadUInt64(out var offset) && reader.TryReadBytes(out key);
        command = new SetRangeCommand { Key = key, Offset = offset, Bytes = reader.Rest };
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
        if (Bytes.IsEmpty)
        {
            context.ReplyNumber(value.Length);
            return;
        }
        // The offset is cut first, so that the sum cannot wrap.
        if (context.RefusesSize(0, (long)Math.Min(Offset, uint.MaxValue) + Bytes.Length))
            return;
        var (length, offset) = (value.Length, (int)Offset);
        if (offset + Bytes.Length > length)
        {
            value.SetLength(offset + Bytes.Length);
            value.WritableSpan[length..].Clear();
        }
        Bytes.CopyTo(value.WritableSpan[offset..]);
        context.Write(Key, Expiry.Keep, before, value.Span);
        context.ReplyNumber(value.Length);
    }
}
