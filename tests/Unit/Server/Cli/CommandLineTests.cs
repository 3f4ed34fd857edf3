using RaftKv.Server.Cli;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Cli;

public sealed class CommandLineTests
{
    private const string Three = "n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003";

    [Theory]
    [InlineData("serve", "--id is missing: the name of this node, one of those in --cluster")]
    [InlineData("serve --id n1", "--data is missing: the directory for this node's data")]
    [InlineData("serve --id n1 --data d", "--cluster is missing: all nodes, as in n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003")]
    [InlineData("serve --id n1 --data d --cluster n1", "--cluster: 'n1' is not of the form NAME=HOST:PORT")]
    [InlineData("serve --id n9 --data d --cluster " + Three, "--id is 'n9', allowed is: one of the members (n1, n2, n3).")]
    [InlineData("serve --id n1 --data d --groups 0 --cluster " + Three, "--groups: 0 is no number from 1 to 1024")]
    [InlineData("serve --id n1 --data d --groups 1025 --cluster " + Three, "--groups is '1025', allowed is: 0 (what the cluster was founded with, 8 in a new one) to 1024.")]
    [InlineData("serve --id n1 --data d --cluster-name a/b --cluster " + Three, "--cluster-name is 'a/b', allowed is: 1 to 64 characters of A-Z a-z 0-9 _ . -.")]
    [InlineData("serve --id n1 --data d --groups many --cluster " + Three, "--groups: 'many' is no number from 1 to 1024")]
    [InlineData("serve --id n1 --data d --resp 6379 --cluster " + Three, "--resp: '6379' is no address of the form HOST:PORT (or none)")]
    [InlineData("serve --id n1 --data d --http localhost:99999 --cluster " + Three, "--http: 'localhost:99999' is no address of the form HOST:PORT with a port from 0 to 65535 (or none)")]
    [InlineData("serve --id n1 --data d --listen 7001 --cluster " + Three, "--listen: '7001' is no address of the form HOST:PORT.")]
    [InlineData("serve --id n1 --data d --listen 0.0.0.0:0 --cluster " + Three, "--listen: '0.0.0.0:0' is no address of the form HOST:PORT with a port from 1 to 65535.")]
    [InlineData("serve --id n1 --data d --cluster n1=0.0.0.0:7001", "--cluster: '0.0.0.0:7001' is where a node may listen, not where it is reached; give a name or an address of its machine.")]
    [InlineData("serve --id n1 --data d --cluster n1=[::1]:7001,n2=[0:0::1]:7001", "--cluster is '[::1]:7001,[0:0::1]:7001', allowed is: each address once.")]
    [InlineData("serve --id n1 --data d --cluster n1=a:7001,n2=A:7001", "--cluster is 'a:7001,A:7001', allowed is: each address once.")]
    [InlineData("serve --id n1 --data d --resp ::1:6379 --cluster " + Three, "--resp: the host of '::1:6379' is no name; an IPv6 address stands in brackets, as in [::1]:7001 (or none)")]
    [InlineData("serve --id n1 --data d --resp 127.1:6379 --cluster " + Three, "--resp: the host of '127.1:6379' is no IPv4 address of four numbers from 0 to 255 (or none)")]
    [InlineData("serve --id n1 --data d --http 256.0.0.1:80 --cluster " + Three, "--http: the host of '256.0.0.1:80' is no IPv4 address of four numbers from 0 to 255 (or none)")]
    [InlineData("serve --id n1 --data d --http b\u00fccher.example:80 --cluster " + Three, "--http: the host of 'b\u00fccher.example:80' has characters beyond A-Z a-z 0-9 - _ and dots; an internationalized name is written in its xn-- form (or none)")]
    [InlineData("serve --id n1 --data d --resp 127.0.0.1:6379 --http 127.0.0.1:6379 --cluster " + Three, "--resp and --http are both 127.0.0.1:6379: each needs an address of its own")]
    [InlineData("dev --resp nowhere", "--resp: 'nowhere' is no address of the form HOST:PORT (or none)")]
    [InlineData("status --endpoint https://n1:8080", "--endpoint: 'https://n1:8080' asks for TLS, which nodes do not speak; http://HOST:PORT or HOST:PORT is allowed")]
    [InlineData("status --endpoint http://n1", "--endpoint: 'http://n1' is no address of the form HOST:PORT")]
    [InlineData("status --endpoint *:80", "--endpoint: '*:80' is where a node may listen, not where it is reached; give a name or an address of its machine")]
    [InlineData("serve --id n4 --data d --join 127.0.0.1:7001", "--join is not supported by this version: start every node with the same --cluster list")]
    [InlineData("serve --bogus", "Unrecognized command or argument '--bogus'.")]
    [InlineData("serve --id", "Required argument missing for option: '--id'.")]
    [InlineData("bogus", "'bogus' is no command, allowed is: serve, dev, status, group; --help explains")]
    [InlineData("group ship --group 1", "'ship' is no command, allowed is: skip; --help explains")]
    [InlineData("group", "a command is missing, allowed is: skip; --help explains")]
    [InlineData("serve --id n1 --data d --listen 0.0.0.0:6379 --http none --cluster n1=a:7001", "--resp and the peers' address are both on port 6379: each needs an address of its own")]
    [InlineData("serve --id n1 --data d --resp none --http 127.0.0.1:7001 --cluster " + Three, "--http and the peers' address are both on port 7001: each needs an address of its own")]
    [InlineData("serve --id Groups --data d --cluster Members=a:1", "--id is 'Groups', allowed is: one of the members (Members).")]
    [InlineData("status --endpoint nowhere", "--endpoint: 'nowhere' is no address of the form HOST:PORT")]
    public async Task A_mistake_is_told_in_one_line_and_changes_nothing(string line, string problem)
    {
        var error = new StringWriter();
        Assert.Equal(ExitCode.Usage, await CommandLineRoot.RunAsync(line.Split(' '), error));
        Assert.Equal($"raftkv: {problem}{Environment.NewLine}", error.ToString());
    }

    [Theory]
    [InlineData("a b:1")]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(":6379")]
    [InlineData("n1:")]
    [InlineData("n1:+1")]
    [InlineData("[]:1")]
    [InlineData("[n1]:1")]
    [InlineData("[::1:1")]
    [InlineData("a..b:1")]
    [InlineData("0.-2.0.0:1")]
    [InlineData("0x7f.1:1")]
    [InlineData("host.1:1")]
    [InlineData("n1.:1")]
    [InlineData("http://n1:80/v1:1")]
    [InlineData("n1:8\n0")]
    public async Task An_address_that_is_none_is_told_in_one_line_wherever_it_stands(string text)
    {
        var longLabel = new string('x', 64);
        foreach (var address in new[] { text, $"{longLabel}:1", $"{string.Join('.', Enumerable.Repeat("host", 60))}:1", new string('9', 100_000), $"n1:{new string('9', 100_000)}" })
        {
            foreach (string[] line in new string[][]
            {
                ["serve", "--id", "n1", "--data", "d", "--cluster", $"n1={address}"],
                ["serve", "--id", "n1", "--data", "d", "--cluster", Three, "--listen", address],
                ["serve", "--id", "n1", "--data", "d", "--cluster", Three, "--resp", address],
                ["serve", "--id", "n1", "--data", "d", "--cluster", Three, "--http", address],
                ["dev", "--resp", address],
                ["dev", "--http", address],
                ["status", "--endpoint", address],
            })
            {
                var error = new StringWriter();
                Assert.Equal(ExitCode.Usage, await CommandLineRoot.RunAsync(line, error));
                Assert.Single(error.ToString().TrimEnd().Split('\n'));
                Assert.InRange(error.ToString().Length, 20, 400);
            }
        }
    }

    [Theory]
    [InlineData("0.0.0.0:6379", "0.0.0.0:6379", "127.0.0.1:6379")]
    [InlineData("[::]:6379", "[::]:6379", "127.0.0.1:6379")]
    [InlineData("[::1]:6379", "[::1]:6379", "[::1]:6379")]
    [InlineData("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0")]
    public void Where_to_listen_is_what_people_write(string text, string bound, string reachable)
    {
        var address = ListenAddress.Parse("--resp", text)!;
        Assert.Equal(bound, address.ToString());
        Assert.Equal(reachable, ListenAddress.Reachable(address).ToString());
        Assert.Null(ListenAddress.Parse("--resp", ListenAddress.None));
        Assert.True(ListenAddress.Parse("--resp", "*:1")!.Address is { } any && (any.Equals(System.Net.IPAddress.IPv6Any) || any.Equals(System.Net.IPAddress.Any)));
    }

    [Theory]
    [InlineData("0.0.0.0:6379", "redis-cli -h 127.0.0.1 -p 6379 set greeting hello", "curl -s http://127.0.0.1:6379/v1/cluster")]
    [InlineData("[::]:6379", "redis-cli -h 127.0.0.1 -p 6379 get greeting", "raftkv status --endpoint 127.0.0.1:6379")]
    [InlineData("[::1]:6379", "redis-cli -h ::1 -p 6379 get greeting", "raftkv status --endpoint [::1]:6379")]
    public void Dev_says_how_to_reach_what_it_listens_at(string listening, string redis, string http)
    {
        var address = System.Net.IPEndPoint.Parse(listening);
        var text = new StringWriter();
        var console = Spectre.Console.AnsiConsole.Create(new() { Ansi = Spectre.Console.AnsiSupport.No, Out = new Spectre.Console.AnsiConsoleOutput(text) });
        console.Profile.Width = 200;
        DevCommand.Greet("/tmp/[dir]", [new("n1", "[::1]:7101")], new Doors(address, address), console);
        foreach (var line in new[] { $"RESP    {listening}", $"HTTP    http://{listening}", redis, http, "n1 ([::1]:7101)", "/tmp/[dir]" })
            Assert.Contains(line, text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_come_from_the_file_where_no_flag_says_otherwise()
    {
        using var file = new TemporaryFile($$"""{ "id": "n1", "data": "from-file", "cluster": { "n1": "a:1", "n2": "b:2" }, "groups": 3, "electionTimeoutMs": 500, }""");
        var settings = new ServeSettings { Data = "from-flag" }.Over(ServeSettings.Load(file.Path));
        var options = settings.ToOptions();
        Assert.Equal("from-flag", options.DataDirectory);
        Assert.Equal("n1", options.NodeName);
        Assert.Equal(3, options.Groups);
        Assert.Equal(500, options.ElectionTimeout.TotalMilliseconds);
        Assert.Equal(["n1=a:1", "n2=b:2"], options.Members.Select(m => $"{m.Name}={m.Address}"));
    }

    [Fact]
    public void A_node_listens_at_its_address_in_the_list_unless_told_otherwise()
    {
        using var file = new TemporaryFile("""{ "id": "n1", "data": "d", "cluster": "n1=a:1", "clusterName": "blue", "listen": "127.0.0.1:9" }""");
        Assert.Equal("blue", ServeSettings.Load(file.Path).ToOptions().ClusterName);
        Assert.Equal("127.0.0.1:9", ServeSettings.Load(file.Path).ToOptions().ListenAddress);
        Assert.Equal("[::]:8", (new ServeSettings { Listen = "[::]:8" }.Over(ServeSettings.Load(file.Path))).ToOptions().ListenAddress);
        Assert.Null(new ServeSettings { Id = "n1", Data = "d", Cluster = "n1=a:1" }.ToOptions().ListenAddress);
    }

    [Theory]
    [InlineData("{ \"groupes\": 3 }", "the field 'groupes' is not known")]
    [InlineData("{ \"groups\": \"three\" }", "the field 'groups' must be a whole number of at most 2147483647")]
    [InlineData("{ \"groups\": 1.5 }", "the field 'groups' must be a whole number of at most 2147483647")]
    [InlineData("{ \"id\": 1 }", "the field 'id' must be a string")]
    [InlineData("{ \"groups\": 99999999999 }", "the field 'groups' must be a whole number of at most 2147483647")]
    [InlineData("{ \"id\": \"n1\", \"id\": \"n2\" }", "the field 'id' stands there twice")]
    [InlineData("{ \"cluster\": [] }", "the field 'cluster' must be a string as of --cluster, or an object of names and addresses that are strings")]
    [InlineData("{ \"cluster\": { \"n1\": 1 } }", "the field 'cluster' must be a string as of --cluster, or an object of names and addresses that are strings")]
    [InlineData("[]", "the file must hold one JSON object")]
    [InlineData("{ \"id\": ", "not valid JSON at line 1")]
    public void A_wrong_file_is_refused_by_name(string json, string problem)
    {
        using var file = new TemporaryFile(json);
        var refusal = Assert.Throws<CommandLineException>(() => ServeSettings.Load(file.Path));
        Assert.Equal($"{file.Path}: {problem}", refusal.Message);
        Assert.Equal(ExitCode.Usage, refusal.ExitCode);
    }

    [Fact]
    public void A_file_may_begin_with_a_byte_order_mark_and_a_directory_is_no_file()
    {
        using var file = new TemporaryFile("\uFEFF{ \"id\": \"n1\" }");
        Assert.Equal("n1", ServeSettings.Load(file.Path).Id);
        var directory = Path.GetTempPath();
        Assert.Equal($"{directory}: is a directory, not a file", Assert.Throws<CommandLineException>(() => ServeSettings.Load(directory)).Message);
    }

    [Fact]
    public void A_field_out_of_range_is_named_as_it_was_written()
    {
        using var file = new TemporaryFile("""{ "id": "n1", "data": "d", "cluster": "n1=a:1", "electionTimeoutMs": 2147483647 }""");
        var settings = ServeSettings.Load(file.Path);
        Assert.Equal("electionTimeoutMs is '2147483647 ms', allowed is: 50 ms to 60 s.", Assert.Throws<CommandLineException>(() => settings.ToOptions()).Message);
        settings = settings with { ElectionTimeoutMs = null, LeaderLeaseMs = 100_000 };
        Assert.Equal("leaderLeaseMs is '100000 ms', allowed is: above 0, at most half of electionTimeoutMs.", Assert.Throws<CommandLineException>(() => settings.ToOptions()).Message);
    }

    /// <summary>Scripts read --json: another server's answer must not look like a cluster's.</summary>
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "answers, but not as a RaftKv node does: is it the HTTP address of a node?")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers, but not as a RaftKv node does: is it the HTTP address of a node?")]
    [InlineData("-ERR unknown command\r\n", "answers, but not as a RaftKv node does: is it the HTTP address of a node?")]
    public async Task Status_tells_a_node_from_other_servers(string answer, string problem)
    {
        foreach (var json in new[] { "", " --json" })
        {
            using var server = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            server.Start();
            var serving = Task.Run(async () =>
            {
                using var client = await server.AcceptTcpClientAsync();
                await using var stream = client.GetStream();
                _ = await stream.ReadAsync(new byte[4096]);
                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(answer));
            });
            var error = new StringWriter();
            Assert.Equal(ExitCode.Unreachable, await CommandLineRoot.RunAsync($"status --endpoint {server.LocalEndpoint}{json}".Split(' '), error));
            Assert.Equal($"raftkv: {server.LocalEndpoint} {problem}{Environment.NewLine}", error.ToString());
            await serving;
        }
    }

    [Fact]
    public void Dev_keeps_the_name_of_its_cluster_and_moves_when_a_port_is_taken()
    {
        var directory = Directory.CreateTempSubdirectory();
        var name = DevName.Remembered(directory.FullName);
        Assert.Equal(name, DevName.Remembered(directory.FullName));
        File.WriteAllText(Path.Combine(directory.FullName, "cluster"), "not a name");
        Assert.Equal(ExitCode.CannotStart, Assert.Throws<CommandLineException>(() => DevName.Remembered(directory.FullName)).ExitCode);
        directory.Delete(recursive: true);

        var ports = DevPorts.Choose(3);
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, ports[1]);
        taken.Start();
        var others = DevPorts.Choose(3);
        Assert.DoesNotContain(ports[1], others);
        Assert.All(ports.Concat(others), p => Assert.InRange(p, DevPorts.First, DevPorts.Last));
        Assert.Equal(ExitCode.CannotStart, Assert.Throws<CommandLineException>(() => DevPorts.Choose(100)).ExitCode);
    }

    /// <summary>What --help shows is what people type first. Files and hosts that an example names are this test's to provide; no node is started.</summary>
    [Fact]
    public void Every_example_of_every_help_is_a_command_line_that_is_accepted()
    {
        var examples = CommandLineRoot.Create().Subcommands.SelectMany(c => c.Subcommands.Append(c))
            .SelectMany(c => c.Description!.Split('\n')).Where(l => l.StartsWith("  raftkv ", StringComparison.Ordinal)).Select(l => l.Trim()).ToList();
        Assert.InRange(examples.Count, 7, 100);
        foreach (var example in examples)
        {
            var words = example.Split('|')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
            var parsed = CommandLineRoot.Create().Parse(words);
            Assert.Empty(parsed.Errors);
            using var file = new TemporaryFile($$"""{ "id": "n1", "data": "data/n1", "cluster": "{{Three}}" }""");
            var settings = new ServeSettings();
            for (var i = Array.FindIndex(words, w => w.StartsWith('-')); i >= 0 && i < words.Length; i += 2)
            {
                var value = i + 1 < words.Length ? words[i + 1] : "";
                settings = words[i] switch
                {
                    "--id" => settings with { Id = value },
                    "--data" => settings with { Data = value },
                    "--cluster" => settings with { Cluster = value },
                    "--cluster-name" => settings with { ClusterName = value },
                    "--listen" => settings with { Listen = value },
                    "--resp" => settings with { Resp = value },
                    "--http" => settings with { Http = value },
                    "--config" => settings.Over(ServeSettings.Load(file.Path)),
                    "--endpoint" when RaftKv.Hosting.Node.HostPort.TryParse(value, RaftKv.Hosting.Node.AddressUse.Ask, out _, out _) => settings,
                    "--json" or "--group" or "--index" => settings,
                    _ => throw new InvalidOperationException($"the example '{example}' has a flag that this test does not know"),
                };
            }

            if (words[0] == "serve")
                Assert.Equal("n1", settings.ToOptions().NodeName);
            Assert.NotNull(ListenAddress.Parse("--resp", settings.Resp ?? ServeSettings.DefaultResp));
            Assert.NotNull(ListenAddress.Parse("--http", settings.Http ?? ServeSettings.DefaultHttp));
        }
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string content) => File.WriteAllText(Path, content);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
