using System.Runtime.InteropServices;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine;

namespace RaftKv.Consensus.Groups.Requests;

/// <summary>
/// Reads that wait for the leader to serve them, because this node's replica does not get on: a disk that is full or hangs keeps it from applying what a read would have to see.
/// A read has no effect, so that it may be asked as often as one likes, of any leader.
/// </summary>
internal sealed class ForwardedReads(Replica replica)
{
    /// <summary>The question or its answer may have been lost, or the leader cannot serve it either.</summary>
    private const long AskAgainAfter = 250_000_000;

    private readonly Dictionary<ulong, Waiting> _waiting = [];
    private readonly List<ulong> _ended = [];

    public bool Any => _waiting.Count > 0;

    /// <summary>Whether somebody else leads who can be asked.</summary>
    public bool CanAsk => replica.Core.Leader is not 0 and var leader && leader != replica.Core.Self && replica.IsConnected(leader);

    public void Ask(Operation operation, long now)
    {
        Sometimes.Reached(Sometimes.ReadForwarded);
        var request = replica.Writes.NextRequest();
        _waiting.Add(request, new Waiting(operation, replica.Core.Leader, now));
        replica.Outbox.AddForward(replica.Core.Leader, replica.Group, request, operation.Command.Span);
    }

    /// <summary>A leader answered; false if none of these waits for it. With the read if it was not served.</summary>
    public bool OnAnswer(ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result, out Operation? again)
    {
        again = null;
        if (!_waiting.Remove(request, out var waiting))
            return false;
        if (answer == ForwardAnswer.ResultDropped)
        {
            waiting.Operation.Complete(OperationStatus.Unavailable, "what was read was too much for the way from the leader to this node, which cannot serve it itself for now");
            return true;
        }

        if (answer != ForwardAnswer.Done)
        {
            again = waiting.Operation;
            return true;
        }

        waiting.Operation.Result.Clear();
        waiting.Operation.Result.Write(result);
        waiting.Operation.Complete(OperationStatus.Completed, null);
        return true;
    }

    /// <summary>Takes back what waits for another node than the current leader, or has waited for long.</summary>
    public void TakeBack(ulong leader, long now, List<Operation> into)
    {
        foreach (var (request, waiting) in _waiting)
        {
            if (waiting.Leader == leader && now - waiting.AskedAt < AskAgainAfter)
                continue;
            Sometimes.Reached(Sometimes.ReadForwardedAgain);
            into.Add(waiting.Operation);
            _ended.Add(request);
        }

        Forget();
    }

    /// <summary>Ends what is past its deadline.</summary>
    public void Expire(long now)
    {
        foreach (var (request, waiting) in _waiting)
        {
            if (waiting.Operation.Deadline > now)
                continue;
            waiting.Operation.Complete(OperationStatus.Unavailable, $"the read's deadline passed before the leader of group {replica.Group} answered; this node cannot serve it");
            _ended.Add(request);
        }

        Forget();
    }

    public void EndAll(string reason)
    {
        foreach (var waiting in _waiting.Values)
            waiting.Operation.Complete(OperationStatus.Unavailable, reason);
        _waiting.Clear();
    }

    private void Forget()
    {
        foreach (var request in CollectionsMarshal.AsSpan(_ended))
            _waiting.Remove(request);
        _ended.Clear();
    }

    private readonly record struct Waiting(Operation Operation, ulong Leader, long AskedAt);
}
