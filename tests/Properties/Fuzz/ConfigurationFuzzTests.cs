using System.Net;
using System.Text;
using System.Text.Json;
using RaftKv.Hosting;
using RaftKv.Hosting.Node;
using RaftKv.Server.Cli;
using RaftKv.Server.Http;
using RaftKv.Tests.Harness.Fuzz;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>Texts: the configuration file, addresses, and the JSON that the status command is given by whatever answers on the other side.</summary>
public class ConfigurationFuzzTests
{
    private const int Cases = 4_000;

    [Fact]
    public void Configuration_files_are_read_or_refused()
    {
        var path = Path.GetTempFileName();
        try
        {
            Fuzzer.Run(
                new FuzzTarget
                {
                    Corpus =
                    [
                        """{ "id": "n1", "data": "d", "cluster": "n1=127.0.0.1:7001,n2=[::1]:7002", "groups": 8, "leaderLeaseMs": 90, "storeMemoryBytes": 134217728 }"""u8.ToArray(),
                        """{ "id": "n1", "data": "d", /* all */ "cluster": { "n1": "a:1", "n2": "b:2" }, "resp": "none", "http": "none", "electionTimeoutMs": 300, "logSegmentBytes": 1048576, }"""u8.ToArray(),
                    ],
                    Read = bytes =>
                    {
                        File.WriteAllBytes(path, bytes);
                        return ServeSettings.Load(path).ToOptions().Members.Count > 0;
                    },
                    Refusals = [typeof(CommandLineException)],
                },
                Cases);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Addresses_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus =
            [
                "127.0.0.1:7001"u8.ToArray(), "[::1]:80"u8.ToArray(), "some.host:65535"u8.ToArray(), "0.0.0.0:6379"u8.ToArray(), "[::]:1"u8.ToArray(), "*:7001"u8.ToArray(),
                "[fe80::1%2]:9"u8.ToArray(), "http://localhost:8080/"u8.ToArray(), "b\u00fccher.example:1"u8.ToArray(), "n1:0"u8.ToArray(),
            ],
            // For each use: it is refused in one line, or it is an address that reads back as itself and that .NET can connect to or listen at without asking what it is.
            Read = bytes => Array.ConvertAll(Enum.GetValues<AddressUse>(), use => IsAddress(Encoding.UTF8.GetString(bytes), use)).Contains(true),
        },
        Cases);

    private static bool IsAddress(string text, AddressUse use)
    {
        if (!HostPort.TryParse(text, use, out var address, out var problem))
        {
            Assert.DoesNotContain(problem, c => char.IsControl(c) || char.IsSurrogate(c));
            Assert.InRange(problem.Length, 10, 300);
            return false;
        }

        Assert.Empty(problem);
        Assert.True(HostPort.TryParse(address.ToString(), use, out var again, out _) && again == address && again.IsSame(address));
        Assert.InRange(address.Port, use == AddressUse.ListenForClients ? 0 : 1, IPEndPoint.MaxPort);
        Assert.True(use is AddressUse.ListenForClients or AddressUse.ListenForPeers || !address.IsWildcard);
        if (address.Address is { } ip)
            _ = new IPEndPoint(ip, address.Port);
        // The status command asks there.
        Assert.True(use != AddressUse.Ask || Uri.TryCreate($"http://{address}/v1/cluster", UriKind.Absolute, out _), address.ToString());
        return true;
    }

    [Fact]
    public void Descriptions_of_a_cluster_are_shown_or_refused() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus = [ClusterJson.Serialize(new ClusterDescription([new("n1", "a:1", true), new("n2", "b:2", false)], 1, [new(1, "n1", 3, 10, 9, ["n1", "n2"], []), new(2, null, 3, 10, 9, [], [])]))],
            Read = bytes =>
            {
                StatusCommand.Show(ClusterJson.Deserialize(bytes), Spectre.Console.AnsiConsole.Create(new() { Out = new Spectre.Console.AnsiConsoleOutput(TextWriter.Null) }));
                return true;
            },
            Refusals = [typeof(JsonException)],
            FixedBytes = 4 << 20,
            BytesPerByte = 4096,
        },
        Cases);
}
