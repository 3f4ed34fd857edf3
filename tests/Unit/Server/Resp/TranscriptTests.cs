using System.Text;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.DataDriven;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

/// <summary>
/// Replies byte for byte as redis-server 7.0.15 gave them when the files in testdata were recorded: "&gt; command", then its reply with \r and \n escaped;
/// "!command" is sent and its reply not looked at. Where RaftKv means to differ, the command is not in a file but in a test of its own.
/// </summary>
public sealed class TranscriptTests
{
    [Theory]
    [InlineData("strings")]
    [InlineData("keys")]
    [InlineData("transactions")]
    [InlineData("connection")]
    [InlineData("resp3")]
    public void Replies_are_those_of_Redis(string name)
    {
        Replay(name, new RespFixture());
    }

    /// <summary>Without a lease every read takes the other way, through the shard.</summary>
    [Theory]
    [InlineData("strings")]
    [InlineData("keys")]
    public void Replies_are_those_of_Redis_also_without_a_lease(string name)
    {
        var fixture = new RespFixture();
        fixture.Executor.HasLease = false;
        Replay(name, fixture);
    }

    private static void Replay(string name, RespFixture fixture)
    {
        using var owned = fixture;
        var client = fixture.Connect();
        var lines = File.ReadAllLines(Path.Combine(DataDrivenFile.FindInRepository("tests/Unit/Server/Resp/testdata"), name + ".txt"));
        var differences = new List<string>();
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith('!'))
                client.Do([.. Words(lines[i][1..])]);
            if (!lines[i].StartsWith("> ", StringComparison.Ordinal))
                continue;
            var actual = Escape(client.Do([.. Words(lines[i][2..])]));
            if (actual != lines[++i])
                differences.Add($"{name}.txt:{i}: {lines[i - 1]}\n  Redis:  {lines[i]}\n  RaftKv: {actual}");
        }
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    /// <summary>Words apart by spaces, "..." kept together.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (quoted, any) = (false, false);
        foreach (var c in line)
        {
            if (c == '"')
                (quoted, any) = (!quoted, true);
            else if (c == ' ' && !quoted)
            {
                if (any)
                    words.Add(word.ToString());
                word.Clear();
                any = false;
            }
            else
            {
                word.Append(c);
                any = true;
            }
        }
        if (any)
            words.Add(word.ToString());
        return words;
    }

    private static string Escape(string reply)
    {
        var text = new StringBuilder();
        foreach (var c in reply)
        {
            text.Append(c switch
            {
                '\r' => "\\r",
                '\n' => "\\n",
                '\\' => "\\\\",
                >= ' ' and < '\u007f' => c.ToString(),
                _ => $"\\x{(int)c:x2}",
            });
        }
        return text.ToString();
    }
}
