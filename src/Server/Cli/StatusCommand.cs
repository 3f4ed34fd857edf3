using System.CommandLine;
using System.Text.Json;
using RaftKv.Hosting;
using RaftKv.Server.Http;
using Spectre.Console;

namespace RaftKv.Server.Cli;

/// <summary>`raftkv status`: nodes and groups as one node sees them.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var endpoint = new Option<string>("--endpoint") { Description = "host:port of a node's HTTP listener.", DefaultValueFactory = _ => "127.0.0.1:8080" };
        var json = new Option<bool>("--json") { Description = "Print what the node answered, for machines." };
        var watch = new Option<bool>("--watch") { Description = "Go on showing it until Ctrl-C." };
        var command = new Command("status", "Shows the nodes and groups of a cluster. Example: raftkv status --endpoint 127.0.0.1:8080 --watch") { endpoint, json, watch };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(endpoint)!, parsed.GetValue(json), parsed.GetValue(watch), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string endpoint, bool json, bool watch, CancellationToken cancellation)
    {
        if (!Uri.TryCreate($"http://{endpoint}/v1/cluster", UriKind.Absolute, out var uri))
            throw new UsageException($"--endpoint is '{endpoint}', allowed is host:port");
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        try
        {
            if (json)
            {
                Console.Out.WriteLine(await client.GetStringAsync(uri, cancellation));
            }
            else if (watch)
            {
                await AnsiConsole.Live(new Text("")).StartAsync(async live =>
                {
                    using var timer = new PeriodicTimer(WatchInterval);
                    do
                    {
                        live.UpdateTarget(Render(endpoint, await FetchAsync(client, uri, cancellation)));
                    }
                    while (await timer.WaitForNextTickAsync(cancellation));
                });
            }
            else
            {
                AnsiConsole.Write(Render(endpoint, await FetchAsync(client, uri, cancellation)));
            }

            return (int)ExitCode.Done;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or JsonException && !cancellation.IsCancellationRequested)
        {
            return CommandLine.Fail(ExitCode.Failed, $"{endpoint} does not answer as a node: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            return (int)ExitCode.Done;
        }
    }

    private static async Task<ClusterDescription> FetchAsync(HttpClient client, Uri uri, CancellationToken cancellation) =>
        ClusterJson.Deserialize(await client.GetByteArrayAsync(uri, cancellation));

    private static Rows Render(string endpoint, ClusterDescription cluster)
    {
        var nodes = new Table().Title("Nodes").RoundedBorder().AddColumns("Node", "Address", "State", "Leads");
        foreach (var node in cluster.Nodes)
        {
            nodes.AddRow(
                Markup.Escape(node.Id),
                Markup.Escape(node.Address),
                node.Alive ? "[green]alive[/]" : "[red]unreachable[/]",
                cluster.Groups.Count(g => g.Leader == node.Id).ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        var groups = new Table().Title("Groups").RoundedBorder().AddColumns("Group", "Leader", "Term", "Commit", "Applied", "Voters", "Learners");
        foreach (var group in cluster.Groups)
        {
            groups.AddRow(
                group.Id == cluster.DefaultGroup ? $"{group.Id} (default)" : $"{group.Id}",
                group.Leader is null ? "[red]none[/]" : Markup.Escape(group.Leader),
                $"{group.Term}",
                $"{group.Commit}",
                group.Applied < group.Commit ? $"[yellow]{group.Applied}[/]" : $"{group.Applied}",
                Markup.Escape(string.Join(' ', group.Voters)),
                Markup.Escape(string.Join(' ', group.Learners)));
        }

        return new Rows(new Markup($"as seen by [bold]{Markup.Escape(endpoint)}[/]"), nodes, groups);
    }
}
