using RaftKv.Engine.Wal.Write;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>What a shard needs of its node: threads in production, a step machine in simulation.</summary>
internal interface IShardHost
{
    /// <summary>Gives a batch to the log; the target hears when it is durable. Batches of one shard keep their order.</summary>
    void PostToLog(WalBatch batch, IWalCompletion target);

    /// <summary>Runs work that may block, then its end, on any thread.</summary>
    void RunInBackground(Action work, Action<Exception?> end);

    /// <summary>A shard's log, which is the node's, refuses what it is given or does not answer; or no longer does. Whoever has nothing to write would not notice.</summary>
    void OnLogRefuses(int shard, bool refuses);

    /// <summary>A shard that must not lead has nothing to transfer any more: <see cref="LeaderBalancer.HasToTransfer"/>.</summary>
    void OnTransfersEnded();

    /// <summary>Something is broken that cannot be mended here: the node stops.</summary>
    void OnFailure(Exception failure);
}
