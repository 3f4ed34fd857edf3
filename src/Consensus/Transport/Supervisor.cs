namespace RaftKv.Consensus.Transport;

/// <summary>Runs the transport's background tasks on the thread pool.</summary>
internal static class Supervisor
{
    /// <summary>
    /// Runs a task that deals with every expected failure itself. What it throws is a bug, its own or the handler's, or a disk that failed under the peer registry:
    /// the process ends, before it acknowledges anything more.
    /// </summary>
    public static Task Run(Func<Task> body) => Task.Run(async () =>
    {
        try
        {
            await body();
        }
        catch (Exception e)
        {
            Environment.FailFast($"the transport cannot go on: {e.Message}", e);
        }
    });
}
