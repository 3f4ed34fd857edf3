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
    [InlineData("serve --id n9 --data d --cluster " + Three, "NodeName is 'n9', allowed is: one of the members (n1, n2, n3).")]
    [InlineData("serve --id n1 --data d --groups 0 --cluster " + Three, "Groups is '0', allowed is: 1 to 1024.")]
    [InlineData("serve --id n1 --data d --groups many --cluster " + Three, "--groups: 'many' is no number from 1 to 1024")]
    [InlineData("serve --id n1 --data d --resp 6379 --cluster " + Three, "--resp: '6379' is no address of the form HOST:PORT with a port from 1 to 65535 (or none)")]
    [InlineData("serve --id n1 --data d --http localhost:99999 --cluster " + Three, "--http: 'localhost:99999' is no address of the form HOST:PORT with a port from 1 to 65535 (or none)")]
    [InlineData("serve --id n1 --data d --listen 7001 --cluster " + Three, "ListenAddress is '7001', allowed is: an address of the form host:port with a port from 1 to 65535.")]
    [InlineData("serve --id n4 --data d --join 127.0.0.1:7001", "--join is not supported by this version: start every node with the same --cluster list")]
    [InlineData("serve --bogus", "Unrecognized command or argument '--bogus'.")]
    [InlineData("serve --id", "Required argument missing for option: '--id'.")]
    [InlineData("bogus", "Required command was not provided.")]
    [InlineData("status --endpoint nowhere", "--endpoint: 'nowhere' is no address of the form HOST:PORT")]
    public async Task A_mistake_is_told_in_one_line_and_changes_nothing(string line, string problem)
    {
        var error = new StringWriter();
        Assert.Equal(ExitCode.Usage, await CommandLineRoot.RunAsync(line.Split(' '), error));
        Assert.Equal($"raftkv: {problem}{Environment.NewLine}", error.ToString());
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
        using var file = new TemporaryFile("""{ "id": "n1", "data": "d", "cluster": "n1=a:1", "listen": "127.0.0.1:9" }""");
        Assert.Equal("127.0.0.1:9", ServeSettings.Load(file.Path).ToOptions().ListenAddress);
        Assert.Equal("[::]:8", (new ServeSettings { Listen = "[::]:8" }.Over(ServeSettings.Load(file.Path))).ToOptions().ListenAddress);
        Assert.Null(new ServeSettings { Id = "n1", Data = "d", Cluster = "n1=a:1" }.ToOptions().ListenAddress);
    }

    [Theory]
    [InlineData("{ \"groupes\": 3 }", "the field 'groupes' is not known")]
    [InlineData("{ \"groups\": \"three\" }", "the field 'groups' must be a whole number")]
    [InlineData("{ \"groups\": 1.5 }", "the field 'groups' must be a whole number")]
    [InlineData("{ \"id\": 1 }", "the field 'id' must be a string")]
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
    public void Dev_keeps_its_ports()
    {
        var directory = Directory.CreateTempSubdirectory();
        var first = DevPorts.Remembered(directory.FullName);
        Assert.Equal(3, first.Distinct().Count());
        Assert.Equal(first, DevPorts.Remembered(directory.FullName));
        File.WriteAllText(Path.Combine(directory.FullName, "ports"), "1 2 x");
        Assert.Equal(ExitCode.CannotStart, Assert.Throws<CommandLineException>(() => DevPorts.Remembered(directory.FullName)).ExitCode);
        directory.Delete(recursive: true);
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string content) => File.WriteAllText(Path, content);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
