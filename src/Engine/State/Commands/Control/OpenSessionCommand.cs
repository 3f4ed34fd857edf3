using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.State.Sessions;

namespace RaftKv.Engine.State.Commands.Control;

/// <summary>
/// Opens a client session. Its number is the index of the entry, and so never used twice in a group. Result: Ok; the revision is the number. No body.
/// Sent without an identity (else Malformed): a retry opens a second session, and the unused one is evicted when it has been idle for long enough.
/// </summary>
public static class OpenSessionCommand
{
    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into) => into.WriteEnvelope(CommandKind.OpenSession);

    internal static void Apply(CommandContext context, SessionTable sessions)
    {
        sessions.Open(context.Revision, context.Time);
        context.Reply(ResultStatus.Ok);
    }
}
