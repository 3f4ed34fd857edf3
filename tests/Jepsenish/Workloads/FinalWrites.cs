using System.Globalization;
using RaftKv.Tests.Jepsenish.Nemesis;

namespace RaftKv.Tests.Jepsenish.Workloads;

/// <summary>
/// When everything is healed, writes through every node succeed, each within a time, and every other node shows them. Reads alone do not see a node whose forwarded writes are lost on their way.
/// </summary>
internal static class FinalWrites
{
    private const int Keys = 32;

    /// <summary>Writes through one server: one sentence for each write that did not succeed.</summary>
    /// <param name="node">The server's name, for keys and sentences.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="patience">Time for each write.</param>
    public static async Task<IReadOnlyList<string>> WriteAsync(string node, int port, TimeSpan patience)
    {
        var problems = new List<string>();
        for (var i = 0; i < Keys; i++)
        {
            var last = "no connection";
            var key = Key(node, i);
            var done = await RealTime.Until(
                async () =>
                {
                    using var client = await RespClient.TryConnectAsync(port, patience);
                    var reply = client is null ? null : await Worker.TryAsync(client, "SET", key, node);
                    last = reply is null ? "no answer" : reply.Text ?? "nil";
                    return reply is { IsError: false };
                },
                patience);
            if (done)
                continue;
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"{node}: SET {key} did not succeed within {patience.TotalSeconds:F0} s although everything is healed: {last}"));
            break; // The others would take as long, and say the same.
        }

        return problems;
    }

    /// <summary>What a server does not show of the writes through another.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">There was no reply in time.</exception>
    public static async Task<IReadOnlyList<string>> VerifyAsync(string node, RespClient client, string writer)
    {
        var replies = await client.AskAsync([.. Enumerable.Range(0, Keys).Select(i => new[] { "GET", Key(writer, i) })]);
        return [.. Enumerable.Range(0, Keys).Where(i => replies[i].Text != writer).Select(i => $"{node}: {Key(writer, i)} was written through {writer}, here is {replies[i].Text ?? "nothing"}")];
    }

    private static string Key(string node, int i) => string.Create(CultureInfo.InvariantCulture, $"final-{node}-{i}");
}
