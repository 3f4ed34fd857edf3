using System.Globalization;
using System.Text;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Harness.DataDriven;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Unit.Consensus.Raft.Quorum;

/// <summary>Quorums judged by scripts that etcd's authors wrote.</summary>
public class QuorumScriptTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("majority_commit.txt")]
    [InlineData("majority_vote.txt")]
    [InlineData("joint_vote.txt")]
    public void Quorums_agree_with_etcd(string script)
    {
        if (DataDrivenFile.FindSharedFixtures() is not { } fixtures)
        {
            output.WriteLine("skipped: no folder shared/fixtures beside the repository");
            return;
        }

        Assert.Null(DataDrivenFile.Run(Path.Combine(fixtures, "etcd-raft/quorum/testdata", script), Execute));
    }

    private static string Execute(DataDrivenCommand command)
    {
        var incoming = Ids(command["cfg"]);
        var outgoing = Ids(command["cfgj"]);
        var order = incoming.Concat(outgoing).Distinct().ToList();
        var configuration = new Configuration { Voters = incoming, Outgoing = outgoing };
        if (command.Name == "vote")
        {
            var votes = command["votes"];
            bool? VoteOf(ulong id) => votes[order.IndexOf(id)] switch { "y" => true, "n" => false, _ => null };
            return $"Vote{Quorums.Tally(configuration, VoteOf)}";
        }

        var known = command["idx"].Select((text, i) => (Id: order[i], Index: text == "_" ? (long?)null : long.Parse(text, CultureInfo.InvariantCulture))).ToDictionary(x => x.Id, x => x.Index);
        var reached = Quorums.Reached(configuration, id => known[id] ?? 0);
        return Picture(incoming, known) + (reached == long.MaxValue ? "∞" : reached.ToString(CultureInfo.InvariantCulture));
    }

    private static ulong[] Ids(IReadOnlyList<string> words) => words is ["zero"] ? [] : [.. words.Select(ulong.Parse).Order()];

    // Each voter's index with a bar as long as the number of voters behind it.
    private static string Picture(ulong[] voters, Dictionary<ulong, long?> known)
    {
        if (voters.Length == 0)
            return "<empty majority quorum>";
        var text = new StringBuilder(new string(' ', voters.Length) + "    idx\n");
        foreach (var id in voters)
        {
            var index = known[id] ?? 0;
            var behind = voters.Count(other => (known[other] ?? 0) < index);
            var bar = known[id] is null ? "?" + new string(' ', voters.Length) : new string('x', behind) + ">" + new string(' ', voters.Length - behind);
            text.Append(CultureInfo.InvariantCulture, $"{bar} {index,5}    (id={id})\n");
        }

        return text.ToString();
    }
}
