using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using RaftKv.Hosting;

namespace RaftKv.Bench.Failover;

/// <summary>
/// <c>failover</c>: three real processes, a steady load of writes on a node that will survive, kill -9 of the leader; how long is no write acknowledged?
/// The gap includes everything: detection, election, routing, the client's retry.
/// </summary>
public static class FailoverCommand
{
    private const uint Group = 1;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var server = new Option<string>("--server") { Description = "the host raftkv (program or .dll)", Required = true };
        var runs = new Option<int>("--runs") { Description = "how often the leader is killed", DefaultValueFactory = _ => 10 };
        var connections = new Option<int>("--connections") { Description = "connections that write", DefaultValueFactory = _ => 4 };
        var arguments = new Option<string>("--arguments") { Description = "more arguments for each server", DefaultValueFactory = _ => "" };
        var json = new Option<bool>("--json") { Description = "print one line of JSON" };
        var command = new Command("failover", "measure the longest gap between acknowledged writes when the leader is killed") { server, runs, connections, arguments, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var directory = Directory.CreateTempSubdirectory("raftkv-failover-").FullName;
            var servers = ServerProcess.Cluster(parsed.GetValue(server)!, 3, directory, parsed.GetValue(arguments)!);
            try
            {
                var gaps = await MeasureAsync(servers, parsed.GetValue(runs), parsed.GetValue(connections), parsed.GetValue(json), cancellation);
                Report(gaps, parsed.GetValue(json));
                foreach (var each in servers)
                    each.Dispose();
                Directory.Delete(directory, recursive: true);
                return 0;
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException)
            {
                Console.Error.WriteLine($"{e.Message} (data and logs are left in {directory})");
                return 1;
            }
            finally
            {
                foreach (var each in servers)
                    each.Dispose();
            }
        });
        return command;
    }

    private static async Task<List<double>> MeasureAsync(IReadOnlyList<ServerProcess> servers, int runs, int connections, bool quiet, CancellationToken cancellation)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        foreach (var server in servers)
            server.Start();
        var gaps = new List<double>();
        for (var run = 1; run <= runs; run++)
        {
            foreach (var server in servers)
                await UntilAsync($"{server.Id} is ready", () => IsReadyAsync(http, server, cancellation), servers, cancellation);
            string? leader = null;
            await UntilAsync("there is a leader", async () => (leader = await LeaderAsync(http, servers[0], cancellation)) is not null, servers, cancellation);
            var victim = servers.First(server => server.Id == leader);
            var survivor = servers[(IndexOf(servers, victim) + 1 + (run % 2)) % servers.Count];

            await using var writer = new SteadyWriter(survivor.RespPort, connections);
            await UntilAsync("a write is acknowledged", () => Task.FromResult(writer.LastAcknowledged != 0), servers, cancellation);
            await Task.Delay(Settle, cancellation);
            var killedAt = Stopwatch.GetTimestamp();
            victim.Kill();
            await UntilAsync("writes resume", () => Task.FromResult(writer.LastAcknowledged > killedAt + (Stopwatch.Frequency / 10)), servers, cancellation);
            await Task.Delay(Settle, cancellation);
            gaps.Add(writer.LongestGap(killedAt));
            if (!quiet)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"run {run}: killed {victim.Id}, wrote to {survivor.Id}: {gaps[^1]:F1} ms"));
            victim.Start();
        }

        return gaps;
    }

    private static void Report(List<double> gaps, bool json)
    {
        var sorted = gaps.Order().ToArray();
        var median = sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
        Console.WriteLine(json
            ? JsonSerializer.Serialize(new { runs = gaps.Count, medianMs = median, minMs = sorted[0], maxMs = sorted[^1], gapsMs = gaps })
            : string.Create(CultureInfo.InvariantCulture, $"longest gap between acknowledged writes: median {median:F1} ms ({sorted[0]:F1}-{sorted[^1]:F1}), {gaps.Count} runs"));
    }

    private static int IndexOf(IReadOnlyList<ServerProcess> servers, ServerProcess server) => servers.TakeWhile(each => each != server).Count();

    private static async Task<bool> IsReadyAsync(HttpClient http, ServerProcess server, CancellationToken cancellation)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{server.HttpPort}/readyz"), cancellation);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async Task<string?> LeaderAsync(HttpClient http, ServerProcess server, CancellationToken cancellation)
    {
        try
        {
            var cluster = await http.GetFromJsonAsync<ClusterDescription>(new Uri($"http://127.0.0.1:{server.HttpPort}/v1/cluster"), Json, cancellation);
            return cluster?.Groups.FirstOrDefault(group => group.Id == Group)?.Leader;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> condition, IReadOnlyList<ServerProcess> servers, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            foreach (var server in servers)
                server.CheckAlive();
            if (Stopwatch.GetElapsedTime(began) > Limit)
                throw new TimeoutException($"waited {Limit.TotalSeconds} s until {what}, in vain");
            await Task.Delay(10, cancellation);
        }
    }
}
