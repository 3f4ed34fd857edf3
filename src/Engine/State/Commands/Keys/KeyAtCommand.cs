using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>Draws a live key by a number of the caller's: apply has no randomness of its own. Result: Ok and the key; or NotFound. Body: number (8).</summary>
public static class KeyAtCommand
{
    // Expired keys met on the way; the next ExpireDue takes them away, so that more than a few are rare.
    private const int MaxSkipped = 1_000;

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ulong number)
    {
        into.WriteEnvelope(CommandKind.KeyAt);
        into.WriteUInt64(number);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ulong number)
    {
        var reader = new ByteReader(body);
        return reader.TryReadUInt64(out number) && reader.AtEnd;
    }

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!TryRead(body, out var number))
            return false;
        Apply(context, number);
        return true;
    }

    internal static void Apply(CommandContext context, ulong number)
    {
        var key = context.KeyScratch;
        var count = context.State.Count(Keyspace.User);
        for (var skipped = 0; skipped < Math.Min(count, MaxSkipped) && !context.IsExceeded; skipped++)
        {
            var position = (long)((number % (ulong)count + (ulong)skipped) % (ulong)count);
            key.Clear();
            if (!context.State.TryGetKeyAt(Keyspace.User, position, key) || !context.TryGetHeader(key.Span, out _))
                continue;
            context.Reply(ResultStatus.Ok);
            context.Result.Write(key.Span);
            return;
        }
        context.Reply(ResultStatus.NotFound);
    }
}
