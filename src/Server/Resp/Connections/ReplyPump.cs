using System.Collections.Concurrent;

namespace RaftKv.Server.Resp.Connections;

/// <summary>
/// Runs connections whose operations have completed. A shard that completes the operations of many connections in one turn enqueues each connection once and starts
/// one work item at most: waking a thread per connection would cost more than the requests themselves.
/// Invariant: while the queue is not empty, a work item is queued or running. Lost wake-ups are excluded because the item re-checks the queue after it announced that it ends.
/// </summary>
internal sealed class ReplyPump(Action<IThreadPoolWorkItem> schedule) : IThreadPoolWorkItem
{
    private readonly ConcurrentQueue<RespConnection> _ready = new();
    private int _scheduled;

    /// <summary>Adds a connection, which must not be enqueued again before it ran. Callable from any thread; never blocks.</summary>
    public void Enqueue(RespConnection connection)
    {
        _ready.Enqueue(connection);
        // The connection must be seen in the queue before the role is looked at: either this thread sees the role given up, or the worker sees the connection.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _scheduled) == 0 && Interlocked.Exchange(ref _scheduled, 1) == 0)
            schedule(this);
    }

    void IThreadPoolWorkItem.Execute()
    {
        while (true)
        {
            while (_ready.TryDequeue(out var connection))
                connection.Run();

            Interlocked.Exchange(ref _scheduled, 0);
            if (_ready.IsEmpty || Interlocked.Exchange(ref _scheduled, 1) != 0)
                return;
        }
    }
}
