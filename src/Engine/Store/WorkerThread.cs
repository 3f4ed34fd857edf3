using System.Collections.Concurrent;

namespace RaftKv.Engine.Store;

/// <summary>A thread that runs what it is given, in order. Actions handle their own I/O errors; anything else that escapes one is a bug and ends the process.</summary>
internal sealed class WorkerThread : IDisposable
{
    private readonly BlockingCollection<Action> _queue = [];
    private readonly Thread _thread;

    public WorkerThread(string name)
    {
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Queues an action. Thread-safe.</summary>
    public void Post(Action action) => _queue.Add(action);

    /// <summary>Runs what is queued, then ends the thread.</summary>
    public void Dispose()
    {
        _queue.CompleteAdding();
        _thread.Join();
        _queue.Dispose();
    }

    private void Run()
    {
        foreach (var action in _queue.GetConsumingEnumerable())
            action();
    }
}
