using System.Diagnostics.CodeAnalysis;
using DotNext.Threading;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Engine.Wal.Log;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>Runs a node on threads: one for each shard, one for the log unless the only shard drives it, and the pool for what may block.</summary>
[SuppressMessage("Design", "CA1001", Justification = "its end is StopAsync")]
internal sealed class ThreadedDriver : INodeDriver
{
    private readonly ShardThread[] _threads;
    // One for the driver itself, until it stops.
    private readonly AsyncCountdownEvent _backgroundWork = new(1);

    public ThreadedDriver(IClock clock, int shards)
    {
        _threads = new ShardThread[shards];
        for (var i = 0; i < shards; i++)
            _threads[i] = new ShardThread($"raftkv-shard-{i}", clock);
    }

    public void Wake(int shard) => _threads[shard].Wake();

    public void Start(IReadOnlyList<Shard> shards, WalWriter log, Action<Exception> onFailure)
    {
        // A single shard drives the log itself: it saves two changes of thread per batch, and what comes in while it syncs makes the next batch larger. Measured: ARCHITECTURE.md.
        var single = shards.Count == 1;
        log.Start(ownThread: !single);
        for (var i = 0; i < shards.Count; i++)
            _threads[i].Start(shards[i], single ? log : null, onFailure);
    }

    public void RunInBackground(Action work)
    {
        _backgroundWork.AddCount();
        ThreadPool.UnsafeQueueUserWorkItem(
            work =>
            {
                work();
                _backgroundWork.Signal();
            },
            work,
            preferLocal: false);
    }

    public async ValueTask StopAsync(string reason)
    {
        foreach (var thread in _threads)
        {
            thread.Stop(reason);
            thread.Dispose();
        }

        // Chunks of snapshots and records on disk are read from the stores on pool threads: no store is closed under a reader.
        _backgroundWork.Signal();
        await _backgroundWork.WaitAsync().ConfigureAwait(false);
        _backgroundWork.Dispose();
    }
}
