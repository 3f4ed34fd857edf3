using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine;
using RaftKv.Engine.State.Machine;

namespace RaftKv.Consensus.Groups.Requests;

/// <summary>
/// Linearizable reads of this node's callers on one group. With the leader lease they are served at once; without it, all that wait share one read index
/// (Raft thesis 6.4), asked from the leader wherever it is, and are served from this node's replica once that much is applied. Where this node's disk keeps it from applying, the leader is asked to serve them.
/// </summary>
/// <remarks>Invariant: a read is served only under a read index asked for after the read was accepted, or under a lease valid after it was accepted.</remarks>
internal sealed class ClientReads
{
    /// <summary>The question or its answer may have been lost: after this long it is asked again, then after twice as long, up to the longest.</summary>
    private const long AskAgainAfter = 30_000_000, LongestPatience = 240_000_000;

    /// <summary>A read that waits so long for this node's disk, and cannot be forwarded, is refused with the reason.</summary>
    private const long PatienceWithDisk = 600_000_000;

    /// <summary>A replica so far behind the leader lets that serve its reads.</summary>
    private const long PatienceWithApply = 250_000_000;

    /// <summary>Who did not take a forwarded read would say the same at once.</summary>
    private const long ForwardAgainAfter = 5_000_000;

    private readonly Replica _replica;
    private readonly DiskReads _disk;
    private readonly List<Operation> _unasked = [];
    private readonly Queue<Round> _rounds = new();
    private readonly Stack<List<Operation>> _spare = new();
    private readonly ForwardedReads _forwarded;
    private ulong _lastContext;
    private long _notForwardedBefore = long.MinValue;

    public ClientReads(Replica replica, DiskReads disk)
    {
        (_replica, _disk) = (replica, disk);
        _forwarded = new ForwardedReads(replica);
        // Numbers of an earlier life of this process must not come again: an answer to one of them may still be under way.
        _lastContext = replica.Configuration.Seed >> 2;
    }

    public bool AnyUnasked => _unasked.Count > 0;

    public bool Any => _unasked.Count > 0 || _rounds.Count > 0 || _forwarded.Any;

    public void Accept(Operation operation) => _unasked.Add(operation);

    /// <summary>Serves under the lease, or asks one read index for all that wait.</summary>
    public void Ask(long now)
    {
        if (_unasked.Count == 0)
            return;
        if (_replica.MayServeUnderLease(now))
        {
            ServeForThisTurn(_unasked);
            return;
        }

        if (_replica.ReasonNotToApply is not null && _forwarded.CanAsk)
        {
            // Not under a read index: a later one might have to wait for entries that are not applied.
            if (now >= _notForwardedBefore)
                Forward(_unasked, now);
            return;
        }

        if (_replica.Core.LeaseUntil > now)
            Sometimes.Reached(Sometimes.LeaseRefusedBehindCommit);
        var context = _lastContext + 1;
        if (_replica.Core.ReadIndex(context, now) != Raft.ReadIndexStatus.Pending)
            return;
        _lastContext = context;
        var operations = _spare.TryPop(out var spare) ? spare : [];
        operations.AddRange(_unasked);
        _unasked.Clear();
        _rounds.Enqueue(new Round(context, operations, now));
    }

    /// <summary>The core answered: reads of this context and of earlier ones may be served at this index, since a later question has the later answer.</summary>
    public void OnReadState(ulong context, ulong index)
    {
        foreach (var round in _rounds)
        {
            if (index == 0 && round.Context == context)
                round.Refused = true;
            else if (index != 0 && round.Context <= context && round.Index == 0)
                round.Index = index;
        }
    }

    /// <summary>A leader answered a forwarded read; false if it was none of those that wait here.</summary>
    public bool OnAnswer(ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        if (!_forwarded.OnAnswer(request, answer, result, out var again))
            return false;
        if (again is not null)
        {
            _unasked.Add(again);
            _notForwardedBefore = _replica.Now + ForwardAgainAfter;
        }

        return true;
    }

    /// <summary>The leader changed, or the connection to a node broke: what was forwarded to another node than the leader is asked again.</summary>
    public void ReturnUnlessWith(ulong leader)
    {
        _notForwardedBefore = long.MinValue;
        _forwarded.TakeBack(leader, _replica.Now, _unasked);
    }

    /// <summary>Serves the rounds whose index is applied; puts back those that were refused; repeats the question of those that were not answered.</summary>
    public void ServeApplied(long now)
    {
        var applied = _replica.Machine.Applied.Index;
        _forwarded.TakeBack(_replica.Core.Leader, now, _unasked);
        for (var count = _rounds.Count; count > 0; count--)
        {
            var round = _rounds.Dequeue();
            if (round.Index != 0 && round.Index <= applied)
            {
                ServeForThisTurn(round.Operations);
                if (round.Operations.Count > 0)
                    _rounds.Enqueue(round);
                else
                    Recycle(round);
            }
            else if (round.Refused)
            {
                Sometimes.Reached(Sometimes.ReadRefusedAndAskedAgain);
                _unasked.AddRange(round.Operations);
                Recycle(round);
            }
            else if (round.Operations.Count == 0)
            {
                Recycle(round);
            }
            else
            {
                if (_replica.ReasonNotToApply is not null || (round.Index != 0 && now - round.Since >= PatienceWithApply))
                    GoOnElsewhere(round, now);
                if (round.Operations.Count > 0 && round.Index == 0 && now >= round.AskAgainAt)
                    AskAgain(round, now);
                _rounds.Enqueue(round);
            }
        }
    }

    /// <summary>Ends what is past its deadline.</summary>
    public void Expire(long now)
    {
        Expire(_unasked, now);
        foreach (var round in _rounds)
            Expire(round.Operations, now);
        _forwarded.Expire(now);
    }

    public void EndAll(string reason)
    {
        foreach (var operation in _unasked)
            operation.Complete(OperationStatus.Unavailable, reason);
        _unasked.Clear();
        while (_rounds.TryDequeue(out var round))
        {
            foreach (var operation in round.Operations)
                operation.Complete(OperationStatus.Unavailable, reason);
        }

        _forwarded.EndAll(reason);
    }

    /// <summary>Answers a read that may be answered now. One whose record lies on disk is answered a little later, which is as good: what it finds then is at least as new.</summary>
    public void Serve(Operation operation)
    {
        if (!operation.HasRoom(0))
        {
            operation.Complete(OperationStatus.Deferred, null);
            return;
        }

        if (_replica.Machine.IsGetFromDisk(operation.Command.Span))
        {
            _disk.Add(operation);
            return;
        }

        try
        {
            _replica.Machine.Query(operation.Command.Span, operation.Result);
        }
        catch (Exception e) when (StateMachine.IsDefect(e))
        {
            // It changed nothing, and must end nothing but itself.
            _replica.OnQueryDefect(e);
            operation.Complete(OperationStatus.Unavailable, $"a defect keeps the read from being answered ({e.Message})");
            return;
        }

        _replica.OnServed(operation.Command.Length, operation.Result.Length);
        operation.Complete(OperationStatus.Completed, null);
    }

    /// <summary>Serves as many as one turn may, at least one of each group, and leaves the others where they are: any number may have come together, and heartbeats must leave between them.</summary>
    private void ServeForThisTurn(List<Operation> operations)
    {
        var served = 0;
        while (served < operations.Count && (served == 0 || !_replica.HasServedEnough))
            Serve(operations[served++]);
        operations.RemoveRange(0, served);
    }

    private static void Expire(List<Operation> operations, long now)
    {
        var kept = 0;
        for (var i = 0; i < operations.Count; i++)
        {
            var operation = operations[i];
            if (operation.Deadline > now)
                operations[kept++] = operation;
            else
                operation.Complete(OperationStatus.Unavailable, $"the read's deadline passed before the leader of group {operation.Group} confirmed it");
        }

        operations.RemoveRange(kept, operations.Count - kept);
    }

    /// <summary>What these reads would have to see is not applied here, and will not be soon: the leader serves them, or they are refused with the reason.</summary>
    private void GoOnElsewhere(Round round, long now)
    {
        if (_forwarded.CanAsk)
        {
            if (now >= _notForwardedBefore)
                Forward(round.Operations, now);
            return;
        }

        if (_replica.ReasonNotToApply is not { } reason || now - round.Since < PatienceWithDisk)
            return;
        foreach (var operation in round.Operations)
            operation.Complete(OperationStatus.Unavailable, $"{reason}: it cannot serve linearizable reads of group {operation.Group}, and no other node that leads it is known");
        round.Operations.Clear();
    }

    private void Forward(List<Operation> operations, long now)
    {
        foreach (var operation in operations)
            _forwarded.Ask(operation, now);
        operations.Clear();
    }

    /// <summary>Under the same number: an answer that is only slow still counts, however long the way is.</summary>
    private void AskAgain(Round round, long now)
    {
        Sometimes.Reached(Sometimes.ReadAskedAgain);
        round.Asked(now);
        if (_replica.Core.ReadIndex(round.Context, now) != Raft.ReadIndexStatus.Pending)
            round.Refused = true;
    }

    private void Recycle(Round round)
    {
        round.Operations.Clear();
        _spare.Push(round.Operations);
    }

    private sealed class Round(ulong context, List<Operation> operations, long askedAt)
    {
        private long _patience = AskAgainAfter;

        public ulong Context => context;

        /// <summary>Since when these reads have waited.</summary>
        public long Since => askedAt;

        public long AskAgainAt { get; private set; } = askedAt + AskAgainAfter;

        public List<Operation> Operations => operations;

        public ulong Index { get; set; }

        public bool Refused { get; set; }

        public void Asked(long now)
        {
            _patience = Math.Min(2 * _patience, LongestPatience);
            AskAgainAt = now + _patience;
        }
    }
}
