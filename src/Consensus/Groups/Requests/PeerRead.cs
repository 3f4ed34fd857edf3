using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;

namespace RaftKv.Consensus.Groups.Requests;

/// <summary>A read that a peer's caller made and that the peer cannot serve: served here as one of this node's own callers', and answered to the peer.</summary>
internal sealed class PeerRead : Operation
{
    private readonly PeerRequests _requests;
    private readonly IReplicaContext _context;
    private readonly ulong _peer;
    private readonly ulong _request;

    public PeerRead(PeerRequests requests, IReplicaContext context, uint group, ulong peer, ulong request, ReadOnlySpan<byte> command)
    {
        (_requests, _context, _peer, _request) = (requests, context, peer, request);
        (Group, Kind) = (group, OperationKind.Read);
        requests.Reads++;
        Command.Write(command);
    }

    // A read from disk ends on another thread, and the outbox is the shard's.
    protected internal override void OnCompleted() => _context.Post(Answer);

    private void Answer()
    {
        _requests.Reads--;
        _context.Outbox.AddAnswer(_peer, Group, _request, Status == OperationStatus.Completed ? ForwardAnswer.Done : ForwardAnswer.NotTaken, Status == OperationStatus.Completed ? Result.Span : []);
        Command.Dispose();
        Result.Dispose();
    }
}
