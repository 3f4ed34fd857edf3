using RaftKv.Engine.Buffers;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Execution;
using RaftKv.Engine.State.Sessions;

namespace RaftKv.Engine.State.Commands.Control;

/// <summary>
/// Settles what became of a request. One that has not been applied is cancelled by this. Result: Ok and outcome (1 byte), the request's status (1), its revision (8);
/// Forgotten, or UnknownSession: it will not be applied from now on, whether it was is not known.
/// Body: session (8), sequence (8).
/// </summary>
public static class ResolveOutcomeCommand
{
    /// <summary>Appends the command to <paramref name="into"/>.</summary>
    public static void Encode(PooledBuffer into, ulong session, ulong sequence)
    {
        into.WriteEnvelope(CommandKind.ResolveOutcome);
        into.WriteUInt64(session);
        into.WriteUInt64(sequence);
    }

    /// <summary>Reads a body; false if it is malformed.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ulong session, out ulong sequence)
    {
        sequence = 0;
        var reader = new ByteReader(body);
        return reader.TryReadUInt64(out session) && reader.TryReadUInt64(out sequence) && reader.AtEnd && sequence != 0;
    }

    internal static void Apply(CommandContext context, SessionTable sessions, ulong session, ulong sequence)
    {
        var status = sessions.Resolve(session, sequence, context.Revision, out var outcome, out var requestStatus, out var revision);
        context.Reply(status);
        if (status != ResultStatus.Ok)
            return;
        context.Result.WriteByte((byte)outcome);
        context.Result.WriteByte((byte)requestStatus);
        context.Result.WriteUInt64(revision);
    }
}
