using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Commands.Keys;

/// <summary>Removes all user keys of the group. Result: Ok and how many records there were. No body.</summary>
public static class ClearCommand
{
    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into) => into.WriteEnvelope(CommandKind.Clear);

    internal static void Apply(CommandContext context)
    {
        context.ReplyNumber(context.RemoveAll());
    }
}
