using System.CommandLine;

namespace RaftKv.Server.Cli;

/// <summary>`raftkv serve`: one node of a cluster.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var id = new Option<string?>("--id") { Description = "Name of this node, one of those in --cluster." };
        var data = new Option<string?>("--data") { Description = "Directory in which this node keeps its data; created if missing." };
        var cluster = new Option<string?>("--cluster") { Description = "All nodes, the same list everywhere: n1=host:port,n2=host:port,n3=host:port." };
        var resp = new Option<string?>("--resp") { Description = "IP:PORT for Redis clients; none without it." };
        var http = new Option<string?>("--http") { Description = "IP:PORT for HTTP: /v1/cluster, /healthz, /readyz; none without it." };
        var groups = new Option<int?>("--groups") { Description = "Raft groups, 1 to 1024, the same on every node, fixed when the cluster is created. Default 8." };
        var config = new Option<string?>("--config") { Description = "JSON file with the same names (id, data, cluster, resp, http, groups, and tuning); flags win." };
        var join = new Option<string?>("--join") { Description = "A running node to join through." };
        var listen = new Option<string?>("--listen") { Description = "host:port of a node that joins." };
        var command = new Command(
            "serve",
            """
            Runs one node of a cluster.

            Example:
              raftkv serve --id n1 --data data/n1 --cluster n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003 --resp 127.0.0.1:6379 --http 127.0.0.1:8080

            Prints one line when it takes connections, logs to standard error, and stops on SIGTERM after handing its leaderships over.
            """)
        {
            id, data, cluster, resp, http, groups, config, join, listen,
        };
        command.SetAction((parsed, _) =>
        {
            if (parsed.GetValue(join) is not null || parsed.GetValue(listen) is not null)
                throw new UsageException("--join and --listen: joining a running cluster is not supported by this version; name all nodes in --cluster");
            var flags = new ServeSettings
            {
                Id = parsed.GetValue(id),
                Data = parsed.GetValue(data),
                Cluster = parsed.GetValue(cluster),
                Resp = parsed.GetValue(resp),
                Http = parsed.GetValue(http),
                Groups = parsed.GetValue(groups),
            };
            var settings = parsed.GetValue(config) is { } file ? flags.Over(ServeSettings.Load(file)) : flags;
            return RunAsync(settings);
        });
        return command;
    }

    private static async Task<int> RunAsync(ServeSettings settings)
    {
        var options = settings.ToOptions();
        var (resp, http) = (settings.RespEndpoint(), settings.HttpEndpoint());
        return await NodeProcess.RunAsync([options], resp, http, _ =>
            Console.Out.WriteLine(
                $"ready: node {options.NodeName} serves {(resp is null ? "no RESP" : $"RESP on {resp}")}, {(http is null ? "no HTTP" : $"HTTP on {http}")}, {options.Members.Count} members, {options.Groups} groups"));
    }
}
