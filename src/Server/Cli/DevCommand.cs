using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RaftKv.Hosting;
using Spectre.Console;

namespace RaftKv.Server.Cli;

/// <summary>`raftkv dev`: a whole three-node cluster in one process, for a laptop. Its data is kept.</summary>
internal static class DevCommand
{
    private const string PortsFile = "ports";

    public static Command Create()
    {
        var data = new Option<string>("--data") { Description = "Directory of the three nodes' data; kept between runs.", DefaultValueFactory = _ => "raftkv-data" };
        var resp = new Option<string>("--resp") { Description = "IP:PORT for Redis clients.", DefaultValueFactory = _ => "127.0.0.1:6379" };
        var http = new Option<string>("--http") { Description = "IP:PORT for HTTP.", DefaultValueFactory = _ => "127.0.0.1:8080" };
        var command = new Command("dev", "Runs a three-node cluster in this process, for trying things out. Data is kept; Ctrl-C stops it.") { data, resp, http };
        command.SetAction((parsed, _) =>
        {
            var directory = Path.GetFullPath(parsed.GetValue(data)!);
            var respEndpoint = ServeSettings.ParseListen(parsed.GetValue(resp), "--resp")!;
            var httpEndpoint = ServeSettings.ParseListen(parsed.GetValue(http), "--http")!;
            return NodeProcess.RunAsync(Options(directory), respEndpoint, httpEndpoint, _ => Announce(directory, respEndpoint, httpEndpoint));
        });
        return command;
    }

    private static List<RaftKvOptions> Options(string directory)
    {
        var members = Ports(directory).Select((port, i) => new RaftKvMember($"n{i + 1}", $"127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}")).ToList();
        return [.. members.Select(m => new RaftKvOptions { NodeName = m.Name, DataDirectory = Path.Combine(directory, m.Name), Members = members, StoreMemoryBytes = 128L << 20 })];
    }

    /// <summary>The nodes' own ports are chosen once and remembered: addresses belong to a cluster's identity.</summary>
    private static int[] Ports(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
            var file = Path.Combine(directory, PortsFile);
            if (File.Exists(file))
            {
                var ports = File.ReadAllText(file).Split(' ', StringSplitOptions.TrimEntries).Select(p => int.TryParse(p, CultureInfo.InvariantCulture, out var port) ? port : 0).ToArray();
                return ports.Length == 3 && ports.All(p => p is > 0 and < 65536) ? ports : throw new UsageException($"{file} does not hold three ports; delete {directory} to begin anew");
            }

            if (Directory.EnumerateFileSystemEntries(directory).Any())
                throw new UsageException($"--data {directory} holds something else than a dev cluster's data; name an empty or a new directory");
            var listeners = Enumerable.Range(0, 3).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
            listeners.ForEach(l => l.Start());
            var chosen = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
            listeners.ForEach(l => l.Stop());
            File.WriteAllText(file, string.Join(' ', chosen));
            return chosen;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--data {directory} cannot be used: {e.Message}");
        }
    }

    private static void Announce(string directory, IPEndPoint resp, IPEndPoint http)
    {
        AnsiConsole.MarkupLine("[bold green]raftkv[/] a three-node cluster runs in this process");
        var grid = new Grid().AddColumn().AddColumn();
        grid.AddRow("  Redis clients", $"[bold]{resp}[/]   [grey]redis-cli -p {resp.Port} set greeting hello[/]");
        grid.AddRow("  HTTP", $"[bold]{http}[/]   [grey]curl -s http://{http}/v1/cluster[/]");
        grid.AddRow("  Data", Markup.Escape(directory));
        AnsiConsole.Write(grid);
        AnsiConsole.MarkupLine("Ctrl-C stops it; the data is kept.");
    }
}
