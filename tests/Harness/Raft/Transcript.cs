using System.Text;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;

namespace RaftKv.Tests.Harness.Raft;

/// <summary>How messages and entries read in transcripts.</summary>
public static class Transcript
{
    /// <summary>One line: route, kind, term, fields.</summary>
    public static string Of(Message message) => $"{message.From}->{message.To} {message.GetType().Name} term={message.Term}{Fields(message)}";

    /// <summary><c>index/term content</c>.</summary>
    public static string Of(LogEntry entry)
    {
        if (entry.Kind != EntryKind.Configuration)
            return $"{entry.Index}/{entry.Term} {(entry.Kind == EntryKind.NoOp ? "no-op" : Encoding.UTF8.GetString(entry.Payload.Span))}";
        ConfigurationCodec.TryRead(entry.Payload.Span, out var configuration);
        return $"{entry.Index}/{entry.Term} {configuration}";
    }

    public static string Of(IEnumerable<LogEntry> entries) => $"[{string.Join(", ", entries.Select(Of))}]";

    private static string Fields(Message message) => message switch
    {
        AppendEntries m => $" previous={m.PreviousIndex}/{m.PreviousTerm} commit={m.CommitIndex}{Round(m.ReadRound)} {Of(m.Entries)}",
        AppendAccepted m => $" match={m.MatchIndex}{Round(m.ReadRound)}",
        AppendRejected m => $" rejected={m.RejectedIndex} hint={m.HintIndex}/{m.HintTerm}{Round(m.ReadRound)}",
        Heartbeat m => $" commit={m.CommitIndex}{Round(m.ReadRound)}{(m.Quiesce ? $" quiesce last={m.LastIndex}" : "")}",
        HeartbeatAcknowledged m => $"{Round(m.ReadRound)}{(m.Quiesced ? " quiesced" : "")}",
        PreVoteRequest m => $" last={m.LastIndex}/{m.LastTerm}",
        PreVoteResponse m => m.Granted ? " granted" : " refused",
        VoteRequest m => $" last={m.LastIndex}/{m.LastTerm}{(m.LeadershipTransfer ? " transfer" : "")}",
        VoteResponse m => m.Granted ? " granted" : " refused",
        ReadIndexRequest m => $" context={m.Context}",
        ReadIndexResponse m => $" context={m.Context} index={m.Index}",
        ReadIndexRefused m => $" context={m.Context}",
        SnapshotChunk m => $" image={m.SnapshotIndex}/{m.SnapshotTerm} {m.Configuration}",
        SnapshotAcknowledged m => $" next={m.NextOffset}",
        _ => "",
    };

    private static string Round(ulong round) => round == 0 ? "" : $" round={round}";
}
