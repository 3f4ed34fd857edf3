using System.CommandLine;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Bench.Load;

/// <summary><c>load</c>: drives a server that speaks RESP, and prints what it did.</summary>
public static class LoadCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var endPoints = new Option<string>("--endpoints") { Description = "host:port,... of servers; clients are spread over them", DefaultValueFactory = _ => "127.0.0.1:6379" };
        var clients = new Option<int>("--clients") { Description = "connections", DefaultValueFactory = _ => 256 };
        var pipeline = new Option<int>("--pipeline") { Description = "requests that a client sends together", DefaultValueFactory = _ => 1 };
        var size = new Option<int>("--size") { Description = "bytes of a value", DefaultValueFactory = _ => 256 };
        var mix = new Option<Mix>("--mix") { Description = "set, get, or mixed (nine reads to a write)", DefaultValueFactory = _ => Mix.Set };
        var keys = new Option<int>("--keys") { Description = "number of different keys", DefaultValueFactory = _ => 100_000 };
        var seconds = new Option<double>("--seconds") { Description = "how long is measured", DefaultValueFactory = _ => 10 };
        var warmUp = new Option<double>("--warm-up") { Description = "seconds before the measuring begins", DefaultValueFactory = _ => 1 };
        var rate = new Option<double>("--rate") { Description = "requests a second, whatever becomes of them (open loop); 0: as fast as they are answered (closed loop)" };
        var wait = new Option<int>("--wait") { Description = "Redis only: follow each write by WAIT for this many replicas" };
        var seed = new Option<int>("--seed") { Description = "seed of keys and mix", DefaultValueFactory = _ => 1 };
        var json = new Option<bool>("--json") { Description = "print one line of JSON" };
        foreach (var atLeastOne in new[] { clients, pipeline, keys })
            AtLeast(atLeastOne, 1);
        AtLeast(size, 0);
        var command = new Command("load", "load a server that speaks RESP") { endPoints, clients, pipeline, size, mix, keys, seconds, warmUp, rate, wait, seed, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var servers = parsed.GetValue(endPoints)!.Split(',').Select(ParseEndPoint).ToList();
            if (servers.Contains(null))
                return Fail("--endpoints: host:port,... is expected, ports from 1 to 65535");
            var options = new LoadOptions
            {
                EndPoints = [.. servers.OfType<DnsEndPoint>()],
                Clients = parsed.GetValue(clients),
                Pipeline = parsed.GetValue(pipeline),
                Size = parsed.GetValue(size),
                Mix = parsed.GetValue(mix),
                Keys = parsed.GetValue(keys),
                Duration = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                WarmUp = TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
                Rate = parsed.GetValue(rate),
                WaitReplicas = parsed.GetValue(wait),
                Seed = parsed.GetValue(seed),
            };
            if (options.Rate > 0 && (options.Pipeline > 1 || options.WaitReplicas > 0))
                return Fail("--pipeline and --wait belong to the closed loop; leave out --rate");
            if (options.WaitReplicas > 0 && options.Mix != Mix.Set)
                return Fail("--wait follows writes; it needs --mix set");
            try
            {
                var result = await LoadRun.RunAsync(options, cancellation);
                Console.WriteLine(parsed.GetValue(json) ? result.ToJson() : result.ToString());
                return result.Operations > 0 ? 0 : 1;
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException or EndOfStreamException)
            {
                return Fail(e.Message);
            }
        });
        return command;
    }

    private static void AtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < least)
            result.AddError($"{option.Name} must be at least {least}");
    });

    private static DnsEndPoint? ParseEndPoint(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), out var port) && port is > 0 and < 65536
            ? new DnsEndPoint(text[..colon], port)
            : null;
    }

    private static int Fail(string reason)
    {
        Console.Error.WriteLine(reason);
        return 1;
    }
}
