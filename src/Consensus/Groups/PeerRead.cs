namespace RaftKv.Consensus.Groups;

/// <summary>A read that a peer's caller made and that the peer cannot serve: served here as one of this node's own callers', and answered to the peer.</summary>
internal sealed class PeerRead : Operation
{
    private readonly Shard _shard;
    private readonly Replica _replica;
    private readonly ulong _peer;
    private readonly ulong _request;

    public PeerRead(Shard shard, Replica replica, ulong peer, ulong request, ReadOnlySpan<byte> command)
    {
        (_shard, _replica, _peer, _request) = (shard, replica, peer, request);
        (Group, Kind) = (replica.Group, OperationKind.Read);
        replica.PeerReads++;
        Command.Write(command);
    }

    // A read from disk ends on another thread, and the outbox is the shard's.
    protected internal override void OnCompleted() => _shard.Inbox.Post(Answer);

    private void Answer()
    {
        _replica.PeerReads--;
        _shard.Outbox.AddAnswer(_peer, Group, _request, Status == OperationStatus.Completed ? ForwardAnswer.Done : ForwardAnswer.NotTaken, Status == OperationStatus.Completed ? Result.Span : []);
        Command.Dispose();
        Result.Dispose();
    }
}
