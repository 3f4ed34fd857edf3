using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Engine;
using RaftKv.Engine.State.Machine;
using RaftKv.Engine.Store;
using RaftKv.Engine.Wal;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// Brings a group's replica back from its log and its store, which were made durable apart from each other.
/// </summary>
/// <remarks>
/// Invariant: the store stands at an entry that the log begins at or holds, with the same term. A store that lags behind the log's start, or is ahead of a log
/// that never knew the group, is refused. A store ahead of its log is an installed image whose log start was not written yet: it is written first.
/// </remarks>
internal static class ReplicaRecovery
{
    /// <summary>Makes the replica; what must be durable before its first vote or acknowledgement is added to the shard's batch, which precedes everything else in the log.</summary>
    /// <exception cref="InvalidDataException">Log and store do not belong together; one sentence.</exception>
    public static Replica Recover(Shard shard, uint group, IStateStore store, WriteAheadLog log)
    {
        var state = store.Open(group);
        var applied = state.Applied;
        var known = log.Recovery.Groups.GetValueOrDefault(group);
        if (known is null && applied.Index > 0)
            throw new InvalidDataException($"the store holds group {group} up to entry {applied.Index}, and the log knows nothing of it: the log was lost, so this node may not go on under its identity");
        var recovered = known ?? new RecoveredGroup { Group = group };
        if (applied.Index < recovered.StartIndex)
            throw new InvalidDataException($"the store holds group {group} up to entry {applied.Index}, but the log begins after {recovered.StartIndex}: the entries between are lost");

        var reset = applied.Index > recovered.LastIndex || TermAt(recovered, applied.Index) != applied.Term;
        if (reset)
        {
            Sometimes.Reached(Sometimes.StoreAheadOfLog);
            if (recovered.Term < applied.Term)
                throw new InvalidDataException($"the store holds group {group} in term {applied.Term}, but the log knows only term {recovered.Term}: it is not this store's log");
            shard.Batch.Wal.SetStart(group, applied.Index, applied.Term);
        }

        var configuration = GroupConfigurationRecord.Read(state, shard.InitialConfiguration);
        var initial = reset
            ? new RaftInitialState
            {
                Term = recovered.Term,
                Vote = recovered.Vote,
                StartIndex = applied.Index,
                StartTerm = applied.Term,
                LastIndex = applied.Index,
                AppliedIndex = applied.Index,
                Configuration = configuration,
                LastTimestamp = applied.Time,
            }
            : new RaftInitialState
            {
                Term = recovered.Term,
                Vote = recovered.Vote,
                StartIndex = recovered.StartIndex,
                StartTerm = recovered.StartTerm,
                LastIndex = recovered.LastIndex,
                Terms = recovered.Terms,
                AppliedIndex = applied.Index,
                Configuration = configuration,
                LaterConfigurations = LaterConfigurations(log, recovered, applied.Index),
                LastTimestamp = LastTimestamp(log, recovered, applied),
            };
        var storage = new GroupLogStorage(log, group);
        var seed = shard.Configuration.Seed ^ ((group + 1) * 0x9E3779B97F4A7C15);
        var core = new RaftNode(shard.Configuration.Raft with { Self = shard.Configuration.Self }, initial, storage, seed, shard.Now);
        return new Replica(shard, group, new StateMachine(state), core);
    }

    private static ulong TermAt(RecoveredGroup group, ulong index)
    {
        if (index == group.StartIndex)
            return group.StartTerm;
        var term = group.StartTerm;
        foreach (var run in group.Terms)
        {
            if (run.FirstIndex > index)
                break;
            term = run.Term;
        }

        return term;
    }

    private static List<LogEntry> LaterConfigurations(WriteAheadLog log, RecoveredGroup group, ulong applied)
    {
        var found = new List<LogEntry>();
        var storage = new GroupLogStorage(log, group.Group);
        var read = new List<LogEntry>();
        foreach (var index in group.SpecialIndexes)
        {
            if (index <= applied)
                continue;
            read.Clear();
            storage.Read(index, index, long.MaxValue, read);
            if (read[0].Kind == EntryKind.Configuration)
                found.Add(read[0]);
        }

        return found;
    }

    private static long LastTimestamp(WriteAheadLog log, RecoveredGroup group, AppliedPosition applied)
    {
        if (group.LastIndex <= applied.Index)
            return applied.Time;
        var read = new List<LogEntry>();
        new GroupLogStorage(log, group.Group).Read(group.LastIndex, group.LastIndex, long.MaxValue, read);
        return Math.Max(applied.Time, read[0].Timestamp);
    }
}
