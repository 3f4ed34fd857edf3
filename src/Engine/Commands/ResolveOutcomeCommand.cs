using RaftKv.Engine.Buffers;

namespace RaftKv.Engine.Commands;

/// <summary>How a request named by session and sequence turned out. On the wire: numbers are never changed.</summary>
public enum RequestOutcome : byte
{
    /// <summary>It was applied; its status and revision are given.</summary>
    Applied = 0,

    /// <summary>It was not applied and never will be: should it still arrive, it ends as <see cref="ResultStatus.Cancelled"/>.</summary>
    NeverApplied = 1,
}

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
