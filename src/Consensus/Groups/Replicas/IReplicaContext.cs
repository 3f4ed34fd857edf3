using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups.Replicas;

/// <summary>
/// What a replica and its helpers need of the shard that moves them on. Of the shard's thread, but for <see cref="Post"/>, <see cref="RunInBackground"/>, <see cref="ReportFailure"/> and what <see cref="Health"/> and
/// <see cref="Defects"/> say of themselves.
/// </summary>
internal interface IReplicaContext
{
    /// <summary>What the node was configured with.</summary>
    NodeConfiguration Configuration { get; }

    /// <summary>The configuration of a group to which none was ever applied.</summary>
    Configuration InitialConfiguration { get; }

    /// <summary>Time of this turn, monotonic nanoseconds.</summary>
    long Now { get; }

    /// <summary>What the wall clocks of the nodes show.</summary>
    WallClocks WallClocks { get; }

    /// <summary>What leaves for the peers at the end of the turn.</summary>
    PeerOutbox Outbox { get; }

    /// <summary>What this turn gives to the log so far, and what happens when that is durable.</summary>
    LogBatch Batch { get; }

    /// <summary>Scratch for the result of the entry being applied.</summary>
    PooledBuffer ResultBuffer { get; }

    /// <summary>How much of the work that may wait this turn still does.</summary>
    TurnBudget Budget { get; }

    /// <summary>Whether the disks under this node take what they are given.</summary>
    DiskHealth Health { get; }

    /// <summary>Takes checkpoints of the store.</summary>
    Checkpointer Checkpoints { get; }

    /// <summary>Tells operators who leads.</summary>
    LeadershipLog Leadership { get; }

    /// <summary>Tells operators of what cannot be applied or read.</summary>
    DefectLog Defects { get; }

    /// <summary>Whether messages reach a peer, as far as is known.</summary>
    bool IsConnected(ulong peer);

    /// <summary>The replica has something to do in this turn.</summary>
    void Touch(Replica replica);

    /// <summary>Does something in a later turn. From any thread.</summary>
    void Post(Action work);

    /// <summary>Runs work that may block off the shard's thread, then its end on it. From any thread.</summary>
    void RunInBackground(Action work, Action<Exception?> end);

    /// <summary>Something is broken that cannot be mended here: the node stops. From any thread.</summary>
    void ReportFailure(Exception failure);
}
