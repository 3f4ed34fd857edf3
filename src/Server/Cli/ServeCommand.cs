using System.CommandLine;
using System.Globalization;

namespace RaftKv.Server.Cli;

/// <summary>raftkv serve: one node.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var id = new Option<string>("--id") { Description = "Name of this node, one of those in --cluster: 1 to 64 of A-Z a-z 0-9 _ . -", HelpName = "NAME" };
        var data = new Option<string>("--data") { Description = "Directory for this node's data; created if missing", HelpName = "DIR" };
        var cluster = new Option<string>("--cluster") { Description = "All nodes and where their peers reach them: n1=HOST:PORT,n2=HOST:PORT,... The names are fixed when the cluster is founded; addresses may change", HelpName = "LIST" };
        var resp = new Option<string>("--resp") { Description = $"Where Redis clients connect, or none [default: {ServeSettings.DefaultResp}]", HelpName = "HOST:PORT" };
        var http = new Option<string>("--http") { Description = $"Where HTTP is served, or none [default: {ServeSettings.DefaultHttp}]", HelpName = "HOST:PORT" };
        var groups = new Option<string>("--groups") { Description = "Raft groups, 1 to 1024, fixed when the cluster is founded [default: as founded, 8 in a new one]", HelpName = "N" };
        var clusterName = new Option<string>("--cluster-name") { Description = "Name that tells this cluster from others, fixed when it is founded [default: none]", HelpName = "NAME" };
        var config = new Option<string>("--config") { Description = "JSON file with these settings: \"id\", \"data\", \"cluster\", ... Flags win", HelpName = "FILE" };
        var listen = new Option<string>("--listen") { Description = "Where this node's peers connect, if they reach it through a proxy or a published port [default: its address in --cluster]", HelpName = "HOST:PORT" };
        var join = new Option<string>("--join") { Description = "Not supported by this version", HelpName = "HOST:PORT", Hidden = true };
        var command = new Command("serve", """
            Runs one node of a cluster.

            Prints one line on standard output when it is ready, as GET /readyz says; logs go to standard error. SIGTERM, SIGINT and SIGHUP stop it in order.
            Exit codes: 0 stopped, 1 the node had to stop by itself, 2 wrong usage, 3 could not start.

            Examples:
              raftkv serve --id n1 --data data/n1 --cluster n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003
              raftkv serve --config n1.json --resp 0.0.0.0:6379
              raftkv serve --config n1.json --listen 0.0.0.0:7001
            """)
        {
            id, data, cluster, clusterName, resp, http, groups, config, listen, join,
        };
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(join) is not null)
                throw CommandLineException.Usage("--join is not supported by this version: start every node with the same --cluster list");
            var flags = new ServeSettings
            {
                Id = parsed.GetValue(id),
                Data = parsed.GetValue(data),
                Cluster = parsed.GetValue(cluster),
                Listen = parsed.GetValue(listen),
                Resp = parsed.GetValue(resp),
                Http = parsed.GetValue(http),
                ClusterName = parsed.GetValue(clusterName),
                Groups = ParseGroups(parsed.GetValue(groups)),
            };
            return RunAsync(parsed.GetValue(config) is { } file ? flags.Over(ServeSettings.Load(file)) : flags);
        });
        return command;
    }

    private static Task<int> RunAsync(ServeSettings settings)
    {
        var options = settings.ToOptions();
        var resp = ListenAddress.Parse("--resp", settings.Resp ?? ServeSettings.DefaultResp);
        var http = ListenAddress.Parse("--http", settings.Http ?? ServeSettings.DefaultHttp);
        return new HostRun(resp, http, [options]).RunAsync(async (node, doors, cancellation) =>
        {
            // The line and GET /readyz say the same, at the same time. A node that cannot be ready yet runs and answers meanwhile: the others may be on their way.
            if (await Task.WhenAny(node.FirstReady, node.Failure).WaitAsync(cancellation) != node.FirstReady)
                return;
            List<string> served = [];
            if (doors.Resp is not null)
                served.Add($"RESP on {doors.Resp}");
            if (doors.Http is not null)
                served.Add($"HTTP on {doors.Http}");
            var serves = served.Count > 0 ? $" serves {string.Join(", ", served)}" : " runs";
            Console.Out.WriteLine($"ready: node {node.Name}{serves}, {Count(options.Members.Count, "member")}, {Count(node.Describe().Groups.Count, "group")}");
        });
    }

    private static int? ParseGroups(string? text)
    {
        if (text is null)
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var groups)
            ? groups
            : throw CommandLineException.Usage($"--groups: '{text}' is no number from 1 to 1024");
    }

    private static string Count(int number, string noun) => number == 1 ? $"1 {noun}" : $"{number} {noun}s";
}
