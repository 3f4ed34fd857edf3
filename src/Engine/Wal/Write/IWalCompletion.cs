namespace RaftKv.Engine.Wal.Write;

/// <summary>Is told what became of the batches it posted. Called on the log's thread, in the order of posting: must be quick, must not block, must not throw.</summary>
public interface IWalCompletion
{
    /// <summary>The batch, and everything posted before it, is durable. The batch is the owner's again.</summary>
    void OnDurable(WalBatch batch);

    /// <summary>
    /// The batch was not written. The batch is the owner's again, unchanged.
    /// <see cref="DiskFullException"/>: it may be posted again, with <see cref="WalBatch.AfterRefusal"/> set; batches of the same target that were already posted behind it
    /// are refused as well, because they may build on it. Anything else: the log has failed, and the node must end.
    /// </summary>
    void OnFailed(WalBatch batch, Exception exception);
}
