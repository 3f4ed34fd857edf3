using System.Collections.Concurrent;

namespace RaftKv.Engine.Store.HybridLog;

/// <summary>A thread that runs what it is given, in order. Actions handle their own I/O errors; anything else that escapes one is a bug and ends the process.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "the queue is left to the collector: another worker may still look at it")]
internal sealed class WorkerThread : IDisposable
{
    private readonly BlockingCollection<Action> _queue = [];
    private readonly Lock _gate = new();
    private readonly Thread _thread;

    public WorkerThread(string name)
    {
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Queues an action; drops it once <see cref="Dispose"/> has begun: a checkpoint that is under way when the store closes is abandoned. Thread-safe.</summary>
    public void Post(Action action)
    {
        lock (_gate)
        {
            if (!_queue.IsAddingCompleted)
                _queue.Add(action);
        }
    }

    /// <summary>Runs what is queued, then ends the thread.</summary>
    public void Dispose()
    {
        lock (_gate)
            _queue.CompleteAdding();
        _thread.Join();
    }

    private void Run()
    {
        foreach (var action in _queue.GetConsumingEnumerable())
            action();
    }
}
