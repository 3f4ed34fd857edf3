using System.CommandLine;
using RaftKv.Hosting;
using Spectre.Console;

namespace RaftKv.Server.Cli;

/// <summary>raftkv dev: a whole cluster in one process.</summary>
internal static class DevCommand
{
    private const int Nodes = 3;

    private static readonly TimeSpan LeaderTime = TimeSpan.FromSeconds(10);

    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Directory for the data of all three nodes; kept", HelpName = "DIR", DefaultValueFactory = _ => "./raftkv-data" };
        var resp = new Option<string>("--resp") { Description = "Where Redis clients connect", HelpName = "HOST:PORT", DefaultValueFactory = _ => ServeSettings.DefaultResp };
        var http = new Option<string>("--http") { Description = "Where HTTP is served", HelpName = "HOST:PORT", DefaultValueFactory = _ => ServeSettings.DefaultHttp };
        var command = new Command("dev", """
            Runs a three-node cluster in this process, for a laptop. Its data is kept, and may be moved. The nodes meet on the first free ports from 7101.

            Examples:
              raftkv dev
              raftkv dev --data /tmp/try --resp 127.0.0.1:6380 --http 127.0.0.1:8081
            """)
        {
            data, resp, http,
        };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(data)!, parsed.GetValue(resp)!, parsed.GetValue(http)!));
        return command;
    }

    private static Task<int> RunAsync(string directory, string respText, string httpText)
    {
        var resp = ListenAddress.Parse("--resp", respText);
        var http = ListenAddress.Parse("--http", httpText);
        var name = DevName.Remembered(directory);
        var members = DevPorts.Choose(Nodes).Select((port, i) => new RaftKvMember($"n{i + 1}", $"127.0.0.1:{port}")).ToList();
        var nodes = members.Select(m => new RaftKvOptions
        {
            NodeName = m.Name,
            DataDirectory = Path.Combine(directory, m.Name),
            Members = members,
            ClusterName = name,
            // Three nodes share the laptop's memory and its processors.
            Shards = 1,
            StoreMemoryBytes = 128 << 20,
        }).ToList();
        return new HostRun(resp, http, nodes).RunAsync(async (node, doors, cancellation) =>
        {
            await UntilReadyAsync(node, cancellation);
            Greet(directory, members, doors, Terminal.Create());
        });
    }

    /// <summary>The first command that is tried should work: a new cluster elects its leaders first.</summary>
    private static async Task UntilReadyAsync(RaftKvNode node, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var end = TimeProvider.System.GetTimestamp();
        while (!node.IsReady && TimeProvider.System.GetElapsedTime(end) < LeaderTime)
            await timer.WaitForNextTickAsync(cancellation);
    }

    /// <summary>Says where everything is. Addresses go in as text, which is escaped; an address itself is not, and [::1] would be read as markup.</summary>
    internal static void Greet(string directory, IEnumerable<RaftKvMember> members, Doors doors, IAnsiConsole console)
    {
        console.MarkupLine("[bold]RaftKv[/] runs: three nodes in this process; a write is answered once two of them have it on disk.");
        console.WriteLine();
        console.MarkupLineInterpolated($"  nodes   {string.Join("  ", members.Select(m => $"{m.Name} ({m.Address})"))}");
        console.MarkupLineInterpolated($"  data    {Path.GetFullPath(directory)}");
        if (doors.Resp?.ToString() is { } resp)
            console.MarkupLineInterpolated($"  RESP    {resp}  (node n1)");
        if (doors.Http?.ToString() is { } http)
            console.MarkupLineInterpolated($"  HTTP    http://{http}  (node n1)");
        console.WriteLine();
        console.WriteLine("Try, in another terminal:");
        if (doors.Resp is not null)
        {
            var at = ListenAddress.Reachable(doors.Resp);
            var host = at.Address.ToString();
            foreach (var command in new[] { "set greeting hello", "get greeting" })
                console.MarkupLineInterpolated($"  [green]redis-cli -h {host} -p {at.Port} {command}[/]");
        }

        if (doors.Http is not null)
        {
            var at = ListenAddress.Reachable(doors.Http).ToString();
            console.MarkupLineInterpolated($"  [green]curl -s http://{at}/v1/cluster[/]");
            console.MarkupLineInterpolated($"  [green]raftkv status --endpoint {at}[/]");
        }

        console.WriteLine();
        console.WriteLine("Ctrl-C stops it; the data stays.");
    }
}
