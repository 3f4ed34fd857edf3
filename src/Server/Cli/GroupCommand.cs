using System.CommandLine;

namespace RaftKv.Server.Cli;

/// <summary>raftkv group: what an operator does to one group.</summary>
internal static class GroupCommand
{
    public static Command Create() => new("group", "Acts on one group of a running cluster.") { CreateSkip() };

    private static Command CreateSkip()
    {
        var group = new Option<uint>("--group") { Description = "Number of the group", HelpName = "G", Required = true };
        var index = new Option<ulong>("--index") { Description = "The entry that the group halted at, as 'raftkv status' names it", HelpName = "I", Required = true };
        var endpoint = new Option<string>("--endpoint") { Description = "HTTP address of any node", HelpName = "HOST:PORT", DefaultValueFactory = _ => ServeSettings.DefaultHttp };
        var command = new Command("skip", """
            Lets a group whose replicas all halted at an entry that a defect keeps from being applied go on without it.
            The entry then has no effect, on any replica. If only some replicas halted, leave it: the others serve, and the halted ones are to be re-created or upgraded.

            Example:
              raftkv group skip --group 1 --index 48213 --endpoint 127.0.0.1:8080
            """)
        {
            group, index, endpoint,
        };
        command.SetAction((parsed, cancellation) => SkipAsync(parsed.GetValue(endpoint)!, parsed.GetValue(group), parsed.GetValue(index), cancellation));
        return command;
    }

    private static async Task<int> SkipAsync(string endpoint, uint group, ulong index, CancellationToken cancellation)
    {
        endpoint = ListenAddress.ParseEndpoint(endpoint);
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        try
        {
            using var answer = await client.PostAsync(new Uri($"http://{endpoint}/v1/groups/{group}/skip?index={index}"), null, cancellation);
            var text = (await answer.Content.ReadAsStringAsync(cancellation)).Trim();
            if (!answer.IsSuccessStatusCode)
                throw new CommandLineException(ExitCode.Failed, text.Length > 0 ? text : $"{endpoint} answers with status {(int)answer.StatusCode}");
            Console.Out.WriteLine(text);
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellation.IsCancellationRequested))
        {
            throw Unreachable.Because(endpoint, e, client.Timeout);
        }
    }
}
