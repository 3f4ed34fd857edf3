using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>
/// Nothing is promised to another node before the sender's disk holds it: votes, candidacies, acknowledged entries (reliability.md, property 4); no vote goes to whom it may not; nobody takes more for promised than was,
/// nor relies on promises that it has released others from; no number of a read or of a forwarded write comes again. Breaches of rules, each of which does harm only if much else happens.
/// </summary>
internal sealed class Promises
{
    private readonly Dictionary<(uint Group, ulong Node, ulong Term), ulong> _votes = [];
    private readonly Dictionary<(uint Group, ulong Candidate, ulong Term), VoteRequest> _requests = [];
    private readonly HashSet<(uint Group, ulong Leader, ulong Term)> _handedOver = [];
    private readonly Dictionary<(uint Group, ulong Node, ulong Context), Process> _reads = [];
    private readonly HashSet<(uint Group, ulong Node, ulong Request)> _forwards = [];
    private readonly Dictionary<(uint Group, ulong Leader, ulong Node, ulong Term), ulong> _acknowledged = [];

    /// <summary>A frame leaves a process.</summary>
    public void OnSent(Process process, ReadOnlySpan<byte> frame)
    {
        if (frame[0] == (byte)FrameKind.Forward)
            CheckForwards(process, frame[1..]);
        if (frame[0] != (byte)FrameKind.Raft)
            return;
        // Only few kinds promise anything; the rest is not decoded.
        for (var position = 1; position + 9 <= frame.Length; position += 4 + (int)BinaryPrimitives.ReadUInt32LittleEndian(frame[position..]))
        {
            if ((MessageKind)frame[position + 8] is MessageKind.VoteRequest or MessageKind.VoteResponse or MessageKind.AppendAccepted or MessageKind.ReadIndexRequest or MessageKind.TimeoutNow)
                Check(process, frame[position..].ToArray());
        }
    }

    /// <summary>A replica after a turn: a leader takes a follower to hold only what that has acknowledged to it in its own term.</summary>
    public void Check(Process process, Replica replica)
    {
        var core = replica.Core;
        if (core.Role != RaftRole.Leader)
            return;
        if (replica.View.LeaseUntil > process.Machine.Clock.Now && _handedOver.Contains((replica.Group, core.Self, core.Term)))
            throw new SimulationViolationException(
                $"node {process.Machine.Number} holds a lease on group {replica.Group} in term {core.Term}, in which it has told another to take over: that may be elected whatever anybody promised");
        foreach (var peer in core.Configuration.Voters)
        {
            if (peer != core.Self && core.MatchOf(peer) is > 0 and var match && match > _acknowledged.GetValueOrDefault((replica.Group, core.Self, peer, core.Term)))
                throw new SimulationViolationException(
                    $"node {process.Machine.Number}, leader of group {replica.Group} in term {core.Term}, takes node {peer} to hold entries up to {match}, which that has not acknowledged in this term");
        }
    }

    private void CheckForwards(Process process, ReadOnlySpan<byte> items)
    {
        while (ForwardCodec.TryReadRequest(ref items, out var group, out var request, out _))
        {
            if (!_forwards.Add((group, process.Machine.Number, request)))
                throw new SimulationViolationException($"node {process.Machine.Number} forwards a write of group {group} by a number, {request}, that it had used before: the answer to the first would pass for one to the second");
        }
    }

    private void Check(Process process, byte[] bytes)
    {
        var position = 0;
        if (!MessageCodec.TryRead(bytes, ref position, out var group, out var message) || message is null)
            throw new SimulationViolationException($"node {process.Machine.Number} sends what nobody can read");
        if (message is AppendAccepted told)
        {
            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_acknowledged, (group, told.To, told.From, told.Term), out _);
            known = Math.Max(known, told.MatchIndex);
        }

        var disk = process.Machine.Ledger.Group(group);
        switch (message)
        {
            case ReadIndexRequest read when !_reads.TryAdd((group, read.From, read.Context), process) && _reads[(group, read.From, read.Context)] != process:
                throw new SimulationViolationException($"node {read.From} asks for a read of group {group} by a number, {read.Context}, that it had used before it was started again: an answer to the first question would pass for one to the second");
            case VoteResponse { Granted: true }:
                Vote(process, group, disk, message, message.To);
                break;
            case VoteRequest request:
                _requests[(group, request.From, request.Term)] = request;
                Vote(process, group, disk, message, request.From);
                break;
            case TimeoutNow:
                _handedOver.Add((group, message.From, message.Term));
                break;
            case AppendAccepted accepted when disk.EndIndex < accepted.MatchIndex && disk.Term <= message.Term && !process.Machine.IsDamaged:
                throw new SimulationViolationException($"durable before acknowledged: node {message.From} acknowledges entries up to {accepted.MatchIndex} of group {group}, its disk ends at {disk.EndIndex}");
        }
    }

    private void Vote(Process process, uint group, DurableGroup disk, Message message, ulong candidate)
    {
        var request = _requests[(group, candidate, message.Term)];
        // Entries of the term itself came from its leader, after the vote was given and before it was durable.
        if (disk.LastTerm < message.Term && (request.LastTerm, request.LastIndex).CompareTo((disk.LastTerm, disk.LastIndex)) < 0 && !process.Machine.IsDamaged)
            throw new SimulationViolationException(
                $"node {message.From} votes for node {candidate} in term {message.Term} of group {group}, whose log ends with {request.LastTerm}/{request.LastIndex}; its own disk's ends with {disk.LastTerm}/{disk.LastIndex}");
        if (!request.LeadershipTransfer && process.MayHavePromised(group))
            throw new SimulationViolationException(
                $"node {message.From} votes for node {candidate} in term {message.Term} of group {group} so soon after it was started that what it promised a leader before may still hold");
        if (disk.Term < message.Term || (disk.Term == message.Term && disk.Vote != candidate))
            throw new SimulationViolationException(
                $"durable before acknowledged: node {message.From} votes for node {candidate} in term {message.Term} of group {group}, its disk has a vote for node {disk.Vote} in term {disk.Term}");
        if (!_votes.TryAdd((group, message.From, message.Term), candidate) && _votes[(group, message.From, message.Term)] != candidate)
            throw new SimulationViolationException($"node {message.From} votes for nodes {_votes[(group, message.From, message.Term)]} and {candidate} in term {message.Term} of group {group}");
    }
}
