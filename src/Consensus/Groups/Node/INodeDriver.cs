using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>How a node's parts come to run: on threads (<see cref="ThreadedDriver"/>), or step by step in a simulation.</summary>
internal interface INodeDriver
{
    /// <summary>Something came in for a shard that had said that it sleeps. Any thread; never blocks.</summary>
    void Wake(int shard);

    /// <summary>The node is complete: from now on every shard gets its turns, and what is posted to the log is written.</summary>
    void Start(IReadOnlyList<Shard> shards, WalWriter log, Action<Exception> onFailure);

    /// <summary>Runs work that may block, on no shard's thread. It does not throw.</summary>
    void RunInBackground(Action work);

    /// <summary>Tells the shards to stop, and completes when nothing of the node runs any more.</summary>
    ValueTask StopAsync(string reason);
}
