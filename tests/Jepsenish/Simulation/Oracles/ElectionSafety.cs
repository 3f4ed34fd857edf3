using System.Buffers.Binary;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Tests.Jepsenish.Simulation.Machines;

namespace RaftKv.Tests.Jepsenish.Simulation.Oracles;

/// <summary>At most one leader a term; no node's term goes behind what its disk holds (reliability.md, property 1). That votes never change is checked by <see cref="DurableGroup"/>.</summary>
internal sealed class ElectionSafety
{
    private readonly Dictionary<(uint Group, ulong Term), ulong> _leaders = [];

    private readonly Dictionary<uint, Action<Process>> _next = [];

    /// <summary>Terms that had a leader.</summary>
    public int Elections => _leaders.Count;

    /// <summary>Lets something happen when a group gets its next leader, in that very moment.</summary>
    public void OnNext(uint group, Action<Process> action) => _next[group] = action;

    /// <summary>A frame leaves a process: a piece of an image says who leads, and leaves behind the shard's back, long after what it was cut from was judged.</summary>
    public void OnSent(Process process, ReadOnlySpan<byte> frame)
    {
        if (frame[0] != (byte)FrameKind.Raft)
            return;
        for (var position = 1; position + 33 <= frame.Length; position += 4 + (int)BinaryPrimitives.ReadUInt32LittleEndian(frame[position..]))
        {
            if ((MessageKind)frame[position + 8] != MessageKind.SnapshotChunk)
                continue;
            var group = BinaryPrimitives.ReadUInt32LittleEndian(frame[(position + 4)..]);
            var term = BinaryPrimitives.ReadUInt64LittleEndian(frame[(position + 25)..]);
            if (_leaders.GetValueOrDefault((group, term)) != process.Machine.Number)
                throw new SimulationViolationException($"node {process.Machine.Number} sends a piece of an image of group {group} as the leader of term {term}, in which it does not lead");
        }
    }

    /// <summary>A replica after a turn.</summary>
    public void Check(Process process, Replica replica, DurableGroup durable)
    {
        var node = process.Machine.Number;
        var core = replica.Core;
        if (core.Term < durable.Term)
            throw new SimulationViolationException($"group {replica.Group}: node {node} is in term {core.Term}, its disk in term {durable.Term}");
        if (core.Role != RaftRole.Leader)
            return;
        if (_leaders.TryAdd((replica.Group, core.Term), node))
        {
            if (_next.Remove(replica.Group, out var next))
                next(process);
            return;
        }

        if (_leaders[(replica.Group, core.Term)] != node)
            throw new SimulationViolationException($"election safety: nodes {_leaders[(replica.Group, core.Term)]} and {node} both lead group {replica.Group} in term {core.Term}");
    }
}
