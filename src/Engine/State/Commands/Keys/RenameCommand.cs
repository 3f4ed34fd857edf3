using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>
/// Renames or copies a key with its expiry. Result: Ok and 1; Ok and 0 if the target is there and must not be; NotFound if the source is absent.
/// A key renamed or copied to itself is left alone. Body: flags (1; bit 0: only if the target is absent, bit 1: copy), source (length, bytes), target (the rest).
/// </summary>
public readonly ref struct RenameCommand
{
    private const byte OnlyIfAbsentFlag = 1;
    private const byte CopyFlag = 2;

    /// <summary>The key to rename or copy.</summary>
    public ReadOnlySpan<byte> From { get; private init; }

    /// <summary>Its new name.</summary>
    public ReadOnlySpan<byte> To { get; private init; }

    /// <summary>Whether an existing target is left alone.</summary>
    public bool OnlyIfAbsent { get; private init; }

    /// <summary>Whether the source stays.</summary>
    public bool Copy { get; private init; }

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool onlyIfAbsent = false, bool copy = false)
    {
        into.WriteEnvelope(CommandKind.Rename);
        into.WriteByte((byte)((onlyIfAbsent ? OnlyIfAbsentFlag : 0) | (copy ? CopyFlag : 0)));
        into.WriteBytes(from);
        into.Write(to);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out RenameCommand command)
    {
        command = default;
        var reader = new ByteReader(body);
        if (!reader.TryReadByte(out var flags) || flags > (OnlyIfAbsentFlag | CopyFlag) || !reader.TryReadBytes(out var from))
            return false;
        command = new RenameCommand { From = from, To = reader.Rest, OnlyIfAbsent = (flags & OnlyIfAbsentFlag) != 0, Copy = (flags & CopyFlag) != 0 };
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
        var value = context.Scratch;
        value.Clear();
        if (context.RefusesSize(Math.Max(From.Length, To.Length), 0))
            return;
        if (!context.TryRead(From, value, out var before))
        {
            context.Reply(ResultStatus.NotFound);
            return;
        }
        if (OnlyIfAbsent && context.TryGetHeader(To, out _))
        {
            context.ReplyNumber(0);
            return;
        }
        if (!From.SequenceEqual(To))
        {
            context.Write(To, Expiry.Keep, before, value.Span);
            if (!Copy)
                context.Remove(From);
        }
        context.ReplyNumber(1);
    }
}
