using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.State.Sessions;

namespace RaftKv.Consensus.Groups.Requests;

/// <summary>
/// The writes that this node's callers made on one group, from acceptance to their end: gives each its identity in a client session, places it with whoever leads,
/// places it again when the leader is lost, and ends it honestly at its deadline.
/// </summary>
/// <remarks>
/// A write may be handed to several leaders in turn, because its identity (session, sequence) makes it take effect once.
/// Invariant: a write is stamped once per session and never restamped after it may have been taken by a leader.
/// Invariant: a write that ends as Unavailable was taken by no leader, or the state machine refused it.
/// </remarks>
internal sealed class ClientWrites : IProposer
{
    private const long AskAgainAfter = 5_000_000;

    private readonly Replica _replica;
    private readonly OperationList _outstanding = new();
    private readonly Dictionary<ulong, Operation> _forwarded = [];
    private readonly SessionOpening _opening;
    private ulong _session;
    private ulong _lastSequence;
    private ulong _lastRequest;
    private long _forwardedBytes;
    private int _waiting;
    private int _restamped;
    private long _notBefore;

    public ClientWrites(Replica replica)
    {
        _replica = replica;
        _opening = new SessionOpening(this);
        // Numbers of an earlier life of this process must not come again: a leader may still answer one of them.
        _lastRequest = replica.Configuration.Seed >> 2;
    }

    public int Outstanding => _outstanding.Count;

    public bool AnyWaiting => _waiting > 0;

    /// <summary>The first of those that have not ended, for a simulation that looks into them.</summary>
    internal Operation? Oldest => _outstanding.First;

    /// <summary>A number for what is forwarded next. They ascend, and never come again.</summary>
    public ulong NextRequest() => ++_lastRequest;

    /// <summary>Takes a write from a caller of this node.</summary>
    public void Accept(Operation operation)
    {
        operation.Sequence = 0;
        operation.IsRestamped = false;
        operation.Attempts = 0;
        operation.PlacedWith = 0;
        operation.Request = default;
        if (_replica.RefusalOf(operation.Command.Span) is { } refusal)
        {
            operation.Complete(OperationStatus.Unavailable, refusal);
            return;
        }

        if (!CommandCheck.IsWithinLimits(operation.Command.Span, out var bound))
        {
            CommandCheck.WriteResult(operation.Result, bound);
            operation.Complete(OperationStatus.Completed, null);
            return;
        }

        if (_outstanding.Count >= _replica.Configuration.MaxOutstandingWrites)
        {
            operation.Complete(OperationStatus.Unavailable, $"group {operation.Group} already has {_outstanding.Count} writes of this node outstanding");
            return;
        }

        // Whoever leads: what cannot be carried to a leader, or from it to its followers, would never end.
        if (operation.Command.Length > _replica.Outbox.LargestCommand)
        {
            operation.Complete(OperationStatus.Unavailable, $"the command is {operation.Command.Length} bytes long, and nodes can send each other {_replica.Outbox.LargestCommand} bytes at most");
            return;
        }

        _outstanding.Add(operation);
        _waiting++;
    }

    /// <summary>Hands waiting writes, in order, to the leader, as far as one is known and takes them.</summary>
    public void Place()
    {
        if (_waiting == 0 || _replica.Now < _notBefore)
            return;
        var leader = _replica.Core.Leader;
        if (leader == 0 || (leader != _replica.Core.Self && !_replica.IsConnected(leader)))
            return;
        for (var operation = _outstanding.First; operation is not null && _waiting > 0;)
        {
            var next = operation.Next;
            // In order: what removes waits as well, behind a write that waits for space. One that was never placed is refused when there is none for too long.
            if (_replica.IsStoreShort && operation.PlacedWith == 0)
            {
                if (_replica.MustWait(operation.Command.Span))
                    return;
                if (operation.Attempts == 0 && _replica.RefusalOf(operation.Command.Span) is { } refusal)
                {
                    Forget(operation);
                    operation.Complete(OperationStatus.Unavailable, refusal);
                    operation = next;
                    continue;
                }
            }

            // What is past its deadline is about to be ended; placed once more it would end in doubt.
            if (operation.PlacedWith == 0 && operation.Deadline > _replica.Now && !TryPlace(operation, leader))
                return;
            operation = next;
        }
    }

    void IProposer.OnApplied(in ProposalTag tag, ReadOnlySpan<byte> result)
    {
        if (tag.Subject is Operation operation && IsStillMeant(operation, tag))
            End(operation, result);
    }

    /// <summary>It is placed again, with the next leader.</summary>
    void IProposer.OnLost(in ProposalTag tag)
    {
        if (tag.Subject is not Operation operation || !IsStillMeant(operation, tag))
            return;
        Sometimes.Reached(Sometimes.ProposalLost);
        Return(operation);
    }

    /// <summary>A leader answered a forwarded write.</summary>
    public void OnAnswer(ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        if (!_forwarded.TryGetValue(request, out var operation))
            return;
        if (answer == ForwardAnswer.Done)
        {
            End(operation, result);
            return;
        }

        if (answer == ForwardAnswer.ResultDropped)
        {
            Forget(operation);
            operation.Complete(OperationStatus.OutcomeUnknown, "the leader has applied it, but its result was too much for the way back to this node");
            return;
        }

        Sometimes.Reached(Sometimes.ForwardAskedAgain);
        // It does not lead (yet, or any more), or is overloaded: asked again at once it would say the same.
        Return(operation);
        if (answer == ForwardAnswer.NotTaken)
            operation.Attempts--;
        _notBefore = _replica.Now + AskAgainAfter;
    }

    /// <summary>The leader changed, or the connection to a node broke: what was placed with any other node than the current leader is placed again.</summary>
    public void ReturnUnlessWith(ulong leader)
    {
        _notBefore = 0;
        if (_forwarded.Count == 0)
            return;
        for (var operation = _outstanding.First; operation is not null; operation = operation.Next)
        {
            if (operation.PlacedWith != 0 && operation.PlacedWith != leader && operation.PlacedWith != _replica.Core.Self)
                Return(operation);
        }
    }

    /// <summary>Ends what is past its deadline.</summary>
    public void Expire(long now)
    {
        for (var operation = _outstanding.First; operation is not null;)
        {
            var next = operation.Next;
            if (operation.Deadline <= now)
                EndUnanswered(operation, "its deadline passed");
            operation = next;
        }

        _opening.RepeatIfLate(now);
    }

    /// <summary>The node stops: nothing more will be answered.</summary>
    public void EndAll(string reason)
    {
        while (_outstanding.First is { } operation)
            EndUnanswered(operation, reason);
    }

    /// <summary>Operations are used again: one that ended at its deadline may be another write by the time its entry is applied.</summary>
    private static bool IsStillMeant(Operation operation, in ProposalTag tag) => (uint)operation.Generation == tag.Number;

    private void EndUnanswered(Operation operation, string reason)
    {
        Forget(operation);
        Sometimes.Reached(operation.Attempts == 0 ? Sometimes.WriteUnavailable : Sometimes.WriteOutcomeUnknown);
        if (operation.Attempts == 0)
            operation.Complete(OperationStatus.Unavailable, $"{reason}, and no leader of group {operation.Group} could take it{(_replica.RefusalOfProposals is { } refusal ? $": {refusal}" : "")}");
        else
            operation.Complete(OperationStatus.OutcomeUnknown, $"{reason} before the leader of group {operation.Group} answered");
    }

    private bool TryPlace(Operation operation, ulong leader)
    {
        if (operation.Sequence == 0 && NeedsIdentity(operation) && !TryStamp(operation, leader))
            return true; // it waits for its session; internal writes behind it must not
        if (leader == _replica.Core.Self)
        {
            if (_replica.IsRefusedSkip(operation.Command.Span))
            {
                Forget(operation);
                SkipEntryCommand.WriteRefusal(operation.Result);
                operation.Complete(OperationStatus.Completed, null);
                return true;
            }

            // It waits, until its deadline, for the disk or for another leader.
            if (_replica.RefusalOfProposal(operation.Command.Span) is not null)
                return true;
            if (!_replica.TryPropose(operation.Command.Span, this, new ProposalTag(operation, (uint)operation.Generation, 0)))
                return false;
        }
        else
        {
            // What is on its way must fit the way: the rest waits here, behind it.
            if (_forwardedBytes > 0 && _forwardedBytes + operation.Command.Length > _replica.Configuration.MaxForwardedBytes)
            {
                Sometimes.Reached(Sometimes.ForwardWindowFull);
                return false;
            }

            _forwardedBytes += operation.Command.Length;
            var request = NextRequest();
            _forwarded.Add(request, operation);
            operation.ForwardedAs = request;
            _replica.Outbox.AddForward(leader, _replica.Group, request, operation.Command.Span);
        }

        operation.PlacedWith = leader;
        operation.Attempts++;
        _waiting--;
        return true;
    }

    private bool TryStamp(Operation operation, ulong leader)
    {
        if (_session == 0)
        {
            _opening.Begin(leader);
            return false;
        }

        operation.Sequence = ++_lastSequence;
        operation.Request = new RequestId(_replica.Group, _session, operation.Sequence);
        // Stamped in order of acceptance: below the oldest outstanding one of this session everything has ended. An older session's or an internal one in front says nothing; nor does any
        // while one is outstanding that was stamped anew: it got a later number than others behind it in the list.
        var oldest = _outstanding.First!;
        var acknowledgedBelow = _restamped == 0 && oldest.Request.Session == _session ? oldest.Sequence : 1;
        CommandEnvelope.Stamp(operation.Command.WritableSpan, _session, operation.Sequence, acknowledgedBelow);
        return true;
    }

    /// <summary>These are harmless when repeated and belong to no session.</summary>
    private static bool NeedsIdentity(Operation operation) =>
        CommandEnvelope.Kind(operation.Command.Span) is not (CommandKind.OpenSession or CommandKind.ResolveOutcome or CommandKind.SkipEntry);

    private void Return(Operation operation)
    {
        ForgetForwarded(operation);
        operation.PlacedWith = 0;
        _waiting++;
    }

    private void ForgetForwarded(Operation operation)
    {
        if (operation.ForwardedAs == 0)
            return;
        _forwarded.Remove(operation.ForwardedAs);
        _forwardedBytes -= operation.Command.Length;
        operation.ForwardedAs = 0;
    }

    private void Forget(Operation operation)
    {
        ForgetForwarded(operation);
        if (operation.PlacedWith == 0)
            _waiting--;
        if (operation.IsRestamped)
            _restamped--;
        operation.IsRestamped = false;
        _outstanding.Remove(operation);
    }

    private void End(Operation operation, ReadOnlySpan<byte> result)
    {
        var status = result.Length > 0 ? (ResultStatus)result[0] : ResultStatus.Malformed;
        if (status == ResultStatus.UnknownSession && operation.Sequence != 0)
        {
            if (operation.Request.Session == _session)
                _session = 0;
            if (operation.Attempts == 1)
            {
                Sometimes.Reached(Sometimes.RetryWithNewSession);
                // Handed out once, and that once it was refused: it has no effect and may have another identity.
                Return(operation);
                operation.Sequence = 0;
                operation.Attempts = 0;
                if (!operation.IsRestamped)
                    _restamped++;
                operation.IsRestamped = true;
                return;
            }

            Sometimes.Reached(Sometimes.SessionLostAfterRetry);
        }

        Forget(operation);
        if (operation.Sequence != 0 && status is ResultStatus.UnknownSession or ResultStatus.Forgotten)
        {
            operation.Complete(OperationStatus.OutcomeUnknown, $"the session of request {operation.Request} has ended and what it remembered with it");
            return;
        }

        if (!operation.HasRoom(result.Length))
        {
            operation.Complete(OperationStatus.OutcomeUnknown, $"it was applied, but its result of {result.Length} bytes was not taken");
            return;
        }

        operation.Result.Clear();
        operation.Result.Write(result);
        operation.Complete(OperationStatus.Completed, null);
    }

    /// <summary>Opens the session that this node's writes on the group belong to; its number is the entry that opened it, so it is never reused.</summary>
    private sealed class SessionOpening(ClientWrites owner) : Operation
    {
        /// <summary>It may have been lost on its way, and every write of this node waits for it: after this long it is placed again, then after twice as long, up to the longest.</summary>
        private const long Patience = 250_000_000, LongestPatience = 2_000_000_000;

        private bool _underWay;
        private long _patience;
        private long _repeatAt;

        public void Begin(ulong leader)
        {
            if (_underWay)
                return;
            _underWay = true;
            _patience = Patience;
            _repeatAt = owner._replica.Now + Patience;
            Group = owner._replica.Group;
            Kind = OperationKind.Write;
            Status = OperationStatus.Pending;
            Command.Clear();
            OpenSessionCommand.Encode(Command);
            Deadline = long.MaxValue;
            Sequence = 0;
            Attempts = 0;
            PlacedWith = 0;
            owner._outstanding.Add(this);
            owner._waiting++;
            owner.TryPlace(this, leader);
        }

        /// <summary>A second opening does no harm: its session is not used.</summary>
        public void RepeatIfLate(long now)
        {
            if (!_underWay || now < _repeatAt)
                return;
            _patience = Math.Min(2 * _patience, LongestPatience);
            _repeatAt = now + _patience;
            if (ForwardedAs != 0)
                owner.Return(this);
        }

        protected internal override void OnCompleted()
        {
            _underWay = false;
            if (Status != OperationStatus.Completed)
                return;
            Invariant.That(Result.Span[0] == (byte)ResultStatus.Ok, "a session could not be opened");
            owner._session = new CommandResult(Result.Span).Revision;
            owner._lastSequence = 0;
        }
    }
}
