using RaftKv.Consensus.Raft;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Applies a group's committed entries to its state machine, and tells whoever proposed them here. An entry that a defect keeps from being applied halts the group on this node: <see cref="ApplyHalt"/>.
/// Owned by the shard's thread.
/// </summary>
/// <remarks>
/// Invariant: each entry is applied once, in order, and only when it is committed and durable on this node.
/// Invariant: a halted group applies nothing, and its state stands before the entry at which it halted.
/// </remarks>
internal sealed class EntryApplier(Replica replica, IReplicaContext context)
{
    private readonly LogRetention _retention = new(context.Configuration.RetainedLogBytes);
    private ulong _toBeSkipped;

    /// <summary>Set while an entry that cannot be applied keeps this replica from going on.</summary>
    public ApplyHalt? Halt { get; private set; }

    /// <summary>Entries above this index are kept for followers that were away for a moment.</summary>
    public ulong OldestRetained => _retention.OldestRetained;

    private StateMachine Machine => replica.Machine;

    /// <summary>Applies what the core hands out.</summary>
    public void Apply(RaftEffects effects)
    {
        foreach (var entry in effects.Committed)
        {
            if (Halt is not null)
                break;
            // A snapshot that was installed meanwhile contains it already.
            if (entry.Index <= Machine.Applied.Index)
                continue;
            Invariant.That(entry.Index == Machine.Applied.Index + 1, $"group {replica.Group}: entry {entry.Index} would be applied after {Machine.Applied.Index}");
            Apply(entry);
        }
    }

    /// <summary>Tells the core how far the entries are applied that it has handed out: not the state's own position, for a snapshot that was installed meanwhile has brought that further, and the core hears of snapshots apart.</summary>
    public void Confirm(RaftEffects effects)
    {
        if (effects.Committed.Count > 0)
            replica.Core.Applied(Halt is { } halt ? Math.Max(halt.Index - 1, replica.Core.AppliedIndex) : effects.Committed[^1].Index);
    }

    /// <summary>Nothing is applied for now: memory is given back, and a halted replica looks for its way on. True if it wants to go on looking in another turn.</summary>
    public bool StandStill()
    {
        replica.Core.TakeBackCommitted();
        replica.Core.Relieve();
        if (Halt is not { } halt)
            return false;
        // A state that could not be taken back begins again where the last checkpoint stands when the process is started anew, and finds the skip then.
        if (!halt.IsTainted && halt.FindsSkip(replica.Core))
        {
            _toBeSkipped = halt.Index;
            Resume();
            return false;
        }

        halt.OfferLeadership(replica.Core, context.IsConnected, context.Now);
        return !halt.IsTainted && halt.HasMoreToLookAt(replica.Core);
    }

    /// <summary>The state was replaced by a snapshot's, which stands behind whatever this replica could not apply.</summary>
    public void OnStateReplaced()
    {
        if (Halt is not null)
            Resume();
    }

    private void Apply(in LogEntry entry)
    {
        var result = context.ResultBuffer;
        try
        {
            Apply(entry, result);
        }
        catch (Exception e) when (e is ApplyDefectException || StateMachine.IsDefect(e))
        {
            OnDefect(entry, e);
            return;
        }

        _retention.OnApplied(entry.Index, entry.Payload.Length);
        context.Budget.OnApplied(entry.Payload.Length, entry.Kind == EntryKind.Command ? result.Length : 0);
        context.Checkpoints.OnApplied(entry.Payload.Length);
        replica.Proposals.OnApplied(entry.Index, entry.Term, result.Span);
    }

    private void Apply(in LogEntry entry, PooledBuffer result)
    {
        var position = new AppliedPosition(entry.Index, entry.Term, 0);
        switch (entry.Kind)
        {
            case EntryKind.Command when entry.Index == _toBeSkipped:
                Machine.ApplySkipped(position, entry.Timestamp, result);
                break;
            case EntryKind.Command:
                Machine.Apply(position, entry.Timestamp, entry.Payload.Span, result);
                break;
            case EntryKind.Configuration:
                // Kept in the state so that snapshots and restarts know the configuration of their position.
                GroupConfigurationRecord.Write(Machine.State, entry.Index, entry.Payload.Span);
                Machine.ApplyEmpty(position, entry.Timestamp);
                break;
            default:
                Machine.ApplyEmpty(position, entry.Timestamp);
                break;
        }
    }

    /// <summary>Whatever is wrong with the entry, it ends neither the shard nor the node: this group waits for a way past it, and the others go on.</summary>
    private void OnDefect(in LogEntry entry, Exception defect)
    {
        Sometimes.Reached(Sometimes.ApplyHalted);
        Halt = new ApplyHalt(replica.Group, entry, defect);
        context.Defects.OnHalted(replica.Group, Halt, (defect as ApplyDefectException)?.InnerException ?? defect);
        replica.OnHaltChanged();
        replica.Writes.EndAll(Halt.Reason);
        replica.Reads.EndAll(Halt.Reason);
    }

    private void Resume()
    {
        Sometimes.Reached(Sometimes.ApplyResumed);
        context.Defects.OnResumed(replica.Group, Halt!);
        Halt = null;
        replica.OnHaltChanged();
        context.Touch(replica);
    }
}
