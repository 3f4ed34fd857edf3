namespace RaftKv.Hosting;

/// <summary>How fresh a read must be.</summary>
public enum ReadConsistency
{
    /// <summary>It sees every write acknowledged before it began, whichever node took it.</summary>
    Linearizable = 0,

    /// <summary>It sees some earlier state: what this node's replica has applied. Answered without the leader, and so also while there is none.</summary>
    Stale = 1,
}
