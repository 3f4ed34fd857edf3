using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>Removes all user keys of the group. Result: Ok and how many records there were. No body.</summary>
public static class ClearCommand
{
    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into) => into.WriteEnvelope(CommandKind.Clear);

    /// <summary>See <see cref="ApplyCommand"/>.</summary>
    internal static bool TryApply(CommandContext context, ReadOnlySpan<byte> body)
    {
        if (!body.IsEmpty)
            return false;
        Apply(context);
        return true;
    }

    internal static void Apply(CommandContext context)
    {
        context.ReplyNumber(context.RemoveAll());
    }
}
