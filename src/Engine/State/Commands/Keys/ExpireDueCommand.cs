using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>
/// Removes keys whose expiry state-machine time has reached, earliest first, up to a number. Proposed by the leader; nothing that a client can see depends on when.
/// Result: Ok and how many were removed. Body: the most to remove (4).
/// </summary>
public static class ExpireDueCommand
{
    /// <summary>Whatever the body says, one entry removes no more: bounds the time that it holds up its group.</summary>
    public const uint MaxPerEntry = 10_000;

    /// <summary>Bytes of keys after which it stops, for the same reason; the next entry goes on.</summary>
    public const int MaxKeyBytes = 4 * 1024 * 1024;

    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, uint maxCount)
    {
        into.WriteEnvelope(CommandKind.ExpireDue);
        into.WriteUInt32(maxCount);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out uint maxCount)
    {
        var reader = new ByteReader(body);
        return reader.TryReadUInt32(out maxCount) && reader.AtEnd;
    }

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!TryRead(body, out var maxCount))
            return false;
        Apply(context, maxCount);
        return true;
    }

    internal static void Apply(CommandContext context, uint maxCount)
    {
        var limit = Math.Min(maxCount, MaxPerEntry);
        var (removed, bytes) = (0L, 0L);
        while (removed < limit && bytes < MaxKeyBytes && context.State.TryGetExpired(context.Time - 1, context.KeyScratch, out var space))
        {
            Invariant.That(space == Keyspace.User, $"a record of keyspace {space} has an expiry: only user keys may");
            context.RemoveRecord(context.KeyScratch.Span);
            bytes += context.KeyScratch.Length;
            removed++;
        }
        context.ReplyNumber(removed);
    }
}
