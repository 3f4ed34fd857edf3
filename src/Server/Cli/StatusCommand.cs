using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using RaftKv.Consensus.Groups;
using RaftKv.Hosting;
using RaftKv.Server.Http;
using Spectre.Console;

namespace RaftKv.Server.Cli;

/// <summary>raftkv status: the cluster as a node sees it.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var endpoint = new Option<string>("--endpoint") { Description = "HTTP address of a node", HelpName = "HOST:PORT", DefaultValueFactory = _ => ServeSettings.DefaultHttp };
        var json = new Option<bool>("--json") { Description = "Prints what the node answered, for machines" };
        var watch = new Option<bool>("--watch") { Description = "Prints it again every second until interrupted" };
        var command = new Command("status", """
            Shows nodes, groups and leaders, as one node sees them.

            Examples:
              raftkv status --endpoint 127.0.0.1:8080
              raftkv status --json | jq '.groups[].leader'
            """)
        {
            endpoint, json, watch,
        };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(endpoint)!, parsed.GetValue(json), parsed.GetValue(watch), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string endpoint, bool json, bool watch, CancellationToken cancellation)
    {
        endpoint = ListenAddress.ParseEndpoint(endpoint);
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var console = Terminal.Create();
        do
        {
            var answer = await AskAsync(client, endpoint, cancellation);
            // Read for --json too: a script must not take another server's answer for a cluster's.
            var cluster = Read(endpoint, answer);
            if (json)
                Console.Out.WriteLine(Encoding.UTF8.GetString(answer));
            else
            {
                if (watch)
                    console.Clear();
                Show(cluster, console);
            }
        }
        while (watch && await timer.WaitForNextTickAsync(cancellation));
        return ExitCode.Ok;
    }

    /// <summary>Writes tables of nodes and groups.</summary>
    public static void Show(ClusterDescription cluster, IAnsiConsole console)
    {
        var nodes = new Table().Border(TableBorder.Simple).AddColumns("node", "address", "state", "leads", "clock");
        foreach (var node in cluster.Nodes)
        {
            var leads = cluster.Groups.Count(g => g.Leader == node.Id);
            nodes.AddRow(Markup.Escape(node.Id), Markup.Escape(node.Address), node.Alive ? "[green]alive[/]" : "[red]unreachable[/]", leads.ToString(CultureInfo.InvariantCulture), Ahead(node.ClockAheadMs));
        }
        console.Write(nodes);
        var groups = new Table().Border(TableBorder.Simple).AddColumns("group", "leader", "term", "commit", "applied", "voters", "time");
        foreach (var group in cluster.Groups)
        {
            groups.AddRow(
                group.Id == cluster.DefaultGroup ? $"{group.Id} (default)" : group.Id.ToString(CultureInfo.InvariantCulture),
                group.Leader is null ? "[red]none[/]" : Markup.Escape(group.Leader),
                group.Term.ToString(CultureInfo.InvariantCulture),
                group.Commit.ToString(CultureInfo.InvariantCulture),
                group.Applied.ToString(CultureInfo.InvariantCulture),
                Markup.Escape(string.Join(' ', group.Voters)),
                Ahead(group.TimeAheadMs));
        }
        console.Write(groups);
        foreach (var group in cluster.Groups)
        {
            if (group.HaltedAt != 0)
                console.MarkupLine($"[red]group {group.Id} is halted at entry {group.HaltedAt} on the node that answered:[/] {Markup.Escape(group.HaltReason ?? "no reason was given")}");
        }
    }

    /// <summary>How far a clock is from a majority's wall clocks, where somebody should know.</summary>
    private static string Ahead(long? milliseconds) => milliseconds switch
    {
        null => "?",
        > -GroupTime.Notable and < GroupTime.Notable => "ok",
        _ => $"[yellow]{(milliseconds > 0 ? "+" : "")}{(milliseconds.Value / 1000.0).ToString("F1", CultureInfo.InvariantCulture)} s[/]",
    };

    private static async Task<byte[]> AskAsync(HttpClient client, string endpoint, CancellationToken cancellation)
    {
        try
        {
            return await client.GetByteArrayAsync(new Uri($"http://{endpoint}/v1/cluster"), cancellation);
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellation.IsCancellationRequested))
        {
            throw Unreachable.Because(endpoint, e, client.Timeout);
        }
    }

    private static ClusterDescription Read(string endpoint, byte[] answer)
    {
        try
        {
            return ClusterJson.Deserialize(answer);
        }
        catch (JsonException e)
        {
            throw Unreachable.IsNoNode(endpoint, e);
        }
    }
}
