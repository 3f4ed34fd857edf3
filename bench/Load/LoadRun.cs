using System.Diagnostics;

namespace RaftKv.Bench.Load;

/// <summary>Runs one load.</summary>
public static class LoadRun
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(10);

    /// <summary>Connects all clients, writes the keys if any are to be read, and runs the load.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">No connection.</exception>
    public static async Task<LoadResult> RunAsync(LoadOptions options, CancellationToken cancellation)
    {
        if (options.Mix != Mix.Set)
            await PreloadAsync(options, cancellation);
        return options.Rate > 0 ? await RunOpenAsync(options, cancellation) : await RunClosedAsync(options, cancellation);
    }

    private static async Task PreloadAsync(LoadOptions options, CancellationToken cancellation)
    {
        var clients = Enumerable.Range(0, Math.Min(8, options.Clients)).Select(i => new LoadClient(options with { WaitReplicas = 0 }, i)).ToList();
        await Task.WhenAll(clients.Select(async client =>
        {
            await client.ConnectAsync(cancellation);
            await client.PreloadAsync(clients.Count, cancellation);
            client.Dispose();
        }));
    }

    private static async Task<LoadResult> RunClosedAsync(LoadOptions options, CancellationToken cancellation)
    {
        var clients = Enumerable.Range(0, options.Clients).Select(i => new LoadClient(options, i)).ToList();
        foreach (var client in clients)
            await client.ConnectAsync(cancellation);
        var from = Stopwatch.GetTimestamp() + Ticks(options.WarmUp);
        var until = from + Ticks(options.Duration);
        // A request that is never answered must not hold up the end.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(options.WarmUp + options.Duration + DrainLimit);
        await Task.WhenAll(clients.Select(client => Task.Run(() => client.RunAsync(from, until, limit.Token), CancellationToken.None)));

        var all = new LatencyHistogram();
        foreach (var client in clients)
        {
            all.Add(client.Latencies);
            client.Dispose();
        }

        return LoadResult.From(options, all, options.Duration.TotalSeconds, clients.Sum(client => client.Errors), clients.Select(client => client.FirstError).FirstOrDefault(error => error is not null));
    }

    private static async Task<LoadResult> RunOpenAsync(LoadOptions options, CancellationToken cancellation)
    {
        var clients = new List<OpenLoopClient>();
        for (var i = 0; i < options.Clients; i++)
            clients.Add(await OpenLoopClient.ConnectAsync(options, i, cancellation));
        var begin = Stopwatch.GetTimestamp();
        var from = begin + Ticks(options.WarmUp);
        var until = from + Ticks(options.Duration);
        var receiving = clients.Select(client => Task.Run(() => client.ReceiveAsync(from, until), CancellationToken.None)).ToList();

        var next = 0;
        long notMade = 0;
        var pacing = new Thread(() =>
        {
            var drainUntil = until + Ticks(DrainLimit);
            notMade = Pacer.Run(options.Rate, begin, until, drainUntil, due => clients[next++ % clients.Count].Due(due), () => clients.ForEach(client => client.Flush()));
            while (clients.Any(client => client.Unanswered > 0) && Stopwatch.GetTimestamp() < drainUntil && !cancellation.IsCancellationRequested)
            {
                clients.ForEach(client => client.Flush());
                Thread.Sleep(1);
            }
        }) { Name = "pacer" };
        pacing.Start();
        pacing.Join();

        var unanswered = notMade + clients.Sum(client => client.Unanswered);
        var lost = clients.Select(client => client.FirstError).FirstOrDefault(error => error is not null);
        clients.ForEach(client => client.Dispose());
        await Task.WhenAll(receiving);
        var all = new LatencyHistogram();
        clients.ForEach(client => all.Add(client.Latencies));
        var errors = clients.Sum(client => client.Errors) + unanswered;
        // Answers that came late count over the time that they took to come, not over the time in which they were due.
        var last = Math.Max(until, clients.Max(client => client.LastAnswer));
        return LoadResult.From(options, all, Stopwatch.GetElapsedTime(from, last).TotalSeconds, errors, errors == 0 ? null : lost ?? $"{unanswered} requests without an answer");
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
