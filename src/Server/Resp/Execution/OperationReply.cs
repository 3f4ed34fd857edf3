using RaftKv.Consensus.Groups;
using RaftKv.Engine;

namespace RaftKv.Server.Resp.Execution;

/// <summary>The reply to an operation that has ended: what the command's plan makes of the result, or Redis' kind of words for how it failed.</summary>
internal static class OperationReply
{
    /// <summary>Writes it; false if the command needs another step: its operation then holds the next one.</summary>
    public static bool Write(RespSession session, RespOperation operation)
    {
        switch (operation.Status)
        {
            case OperationStatus.Completed:
                var results = new ResultCursor(operation.Group, operation.Result.Span, operation.Plan.IsBatch);
                if (!Replies.IsRefusal(results.Top.Status))
                    return operation.Plan.Write!(session, operation, operation.Plan, ref results);
                session.Writer.Error(Replies.Describe(results.Top));
                break;
            case OperationStatus.Unavailable:
                session.Writer.Error($"CLUSTERDOWN {operation.Reason}");
                break;
            case OperationStatus.OutcomeUnknown when operation.Kind == OperationKind.Write:
                session.Writer.Error($"UNKNOWN the write may or may not have taken effect (request {operation.Request}): {operation.Reason}");
                break;
            case OperationStatus.OutcomeUnknown:
                session.Writer.Error($"TRYAGAIN {operation.Reason}");
                break;
            default:
                Invariant.That(false, $"an operation was given back with status {operation.Status}");
                break;
        }
        return true;
    }
}
