using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.State.Commands.Control;
using RaftKv.Engine.State.Encoding;
using RaftKv.Engine.State.Machine;

namespace RaftKv.Consensus.Groups.Requests;

/// <summary>
/// What peers forward to this node because it leads, or did: writes are proposed here and answered when their entry is applied, reads are served as those of this node's own callers. Owned by the shard's thread.
/// </summary>
/// <remarks>
/// Invariant: a request is taken once: the numbers of a peer's requests ascend on each connection, so one that is not above the last is a copy, and is dropped. So what was answered to a forwarded
/// write, that it was not taken or that its session is unknown, stays true.
/// </remarks>
internal sealed class PeerRequests(Replica replica, IReplicaContext context) : IProposer
{
    /// <summary>Whoever forwarded a read has asked again long before.</summary>
    private const long ReadDeadline = 2_000_000_000;

    /// <summary>Reads of peers' callers that wait here at once; beyond it they are refused, and asked again.</summary>
    private const int MaxReads = 1024;

    private readonly Dictionary<ulong, ulong> _last = [];

    /// <summary>Reads of peers' callers that are not answered yet.</summary>
    public int Reads { get; set; }

    /// <summary>A fresh connection to a peer, which may have been started again. What came over the connection before comes no more.</summary>
    public void OnPeerConnected(ulong peer) => _last.Remove(peer);

    /// <summary>A peer's caller asked; this node should lead.</summary>
    public void OnForwarded(ulong peer, ulong request, ReadOnlySpan<byte> command)
    {
        if (request <= _last.GetValueOrDefault(peer))
            return;
        _last[peer] = request;
        if (command.Length >= CommandEnvelope.Size && CommandTable.IsReadOnly(command))
            Read(peer, request, command);
        else if (replica.IsRefusedSkip(command))
            RefuseSkip(peer, request);
        else if (!TryPropose(peer, request, command))
            Answer(peer, request, ForwardAnswer.NotTaken, []);
    }

    void IProposer.OnApplied(in ProposalTag tag, ReadOnlySpan<byte> result) => Answer(tag.Peer, tag.Number, ForwardAnswer.Done, result);

    void IProposer.OnLost(in ProposalTag tag) => Answer(tag.Peer, tag.Number, ForwardAnswer.Lost, []);

    private bool TryPropose(ulong peer, ulong request, ReadOnlySpan<byte> command) =>
        !replica.MustWait(command) && replica.RefusalOfProposal(command) is null && command.Length >= CommandEnvelope.Size && command.Length <= context.Outbox.LargestCommand
        && replica.TryPropose(command, this, new ProposalTag(null, request, peer));

    // Only a leader that gets on itself: two that do not would send a read to and fro.
    private void Read(ulong peer, ulong request, ReadOnlySpan<byte> command)
    {
        if (replica.Core.Role != RaftRole.Leader || replica.ReasonNotToApply is not null || Reads >= MaxReads)
            Answer(peer, request, ForwardAnswer.NotTaken, []);
        else
            replica.Reads.Accept(new PeerRead(this, context, replica.Group, peer, request, command) { Deadline = context.Now + ReadDeadline });
    }

    private void RefuseSkip(ulong peer, ulong request)
    {
        SkipEntryCommand.WriteRefusal(context.ResultBuffer);
        Answer(peer, request, ForwardAnswer.Done, context.ResultBuffer.Span);
    }

    private void Answer(ulong peer, ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result) => context.Outbox.AddAnswer(peer, replica.Group, request, answer, result);
}
