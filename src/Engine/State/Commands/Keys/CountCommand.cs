using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.Store;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>Counts the group's user keys; expired ones count until they are removed, as in Redis. Result: Ok and the number. No body.</summary>
public static class CountCommand
{
    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into) => into.WriteEnvelope(CommandKind.Count);

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!body.IsEmpty)
            return false;
        Apply(context);
        return true;
    }

    internal static void Apply(CommandContext context) => context.ReplyNumber(context.State.Count(Keyspace.User));
}
