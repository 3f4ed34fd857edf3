using RaftKv.Server.Resp.Commands;
using RaftKv.Server.Resp.Execution;
using RaftKv.Tests.Harness;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

public sealed class RespCommandTests
{
    [Fact]
    public void SCAN_meets_every_key_that_is_there_throughout_whatever_else_changes() => Seeds.ForEach(30, seed =>
    {
        var random = new Random(seed);
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        var stay = Enumerable.Range(0, 100).Select(i => $"stay:{random.Next(1000):d3}:{i}").ToHashSet();
        foreach (var key in stay)
            client.Do("SET", key, "v");
        var seen = new List<string>();
        var cursor = "0";
        do
        {
            var reply = client.Do("SCAN", cursor, "COUNT", "7", "MATCH", "stay:*").Split("\r\n");
            cursor = reply[2];
            for (var i = 5; i < reply.Length; i += 2)
                seen.Add(reply[i]);
            for (var i = 0; i < 10; i++)
                client.Do(random.Next(2) == 0 ? ["SET", $"stay:{random.Next(1000)}", "x"] : ["DEL", $"stay:{random.Next(1000)}"]);
        }
        while (cursor != "0");
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.True(stay.IsSubsetOf(seen), $"{stay.Except(seen).Count()} keys were not met");
    });

    [Fact]
    public void A_cursor_can_be_used_again()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        for (var i = 0; i < 30; i++)
            client.Do("SET", $"k{i:d2}", "v");
        var cursor = client.Do("SCAN", "0", "COUNT", "10").Split("\r\n")[2];
        var once = client.Do("SCAN", cursor, "COUNT", "20");
        Assert.Equal(once, client.Do("SCAN", cursor, "COUNT", "20"));
    }

    [Fact]
    public void A_cursor_that_is_not_known_is_refused_rather_than_guessed()
    {
        using var fixture = new RespFixture();
        Assert.Equal("-ERR this cursor is not known to this node (any more); scan again from 0\r\n", fixture.Connect().Do("SCAN", "12345"));
    }

    [Fact]
    public void Cursors_are_bounded_in_number_and_bytes()
    {
        var few = new ScanCursors(7, maxCursors: 3);
        var first = few.Add("a"u8);
        var second = few.Add("b"u8);
        few.Add("c"u8);
        few.Add("d"u8);
        Assert.Null(few.Find(first));
        Assert.Equal("b"u8.ToArray(), few.Find(second));

        var small = new ScanCursors(7, maxBytes: 100);
        var big = small.Add(new byte[60]);
        small.Add(new byte[60]);
        Assert.Null(small.Find(big));
    }

    [Fact]
    public void KEYS_goes_on_to_the_last_page()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        for (var i = 0; i < 12_000; i++)
            client.Do("SET", $"k{i}", "");
        Assert.StartsWith("*12000\r\n", client.Do("KEYS", "*"), StringComparison.Ordinal);
        // 1, 1x, 1xx, 1xxx and 10000 to 11999.
        Assert.StartsWith("*3111\r\n", client.Do("KEYS", "k1*"), StringComparison.Ordinal);
        Assert.Equal("*1\r\n$4\r\nk777\r\n", client.Do("KEYS", "k777"));
    }

    [Fact]
    public void A_key_expires_when_the_state_machine_says_so_and_its_time_to_live_is_never_negative()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        var now = fixture.Server.Context.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        // The state machine lags behind the log's time: the key is overdue here and still there.
        fixture.Executor.Time = 1;
        client.Do("SET", "a", "v", "PXAT", $"{now - 1000}");
        fixture.Executor.Time = now;
        Assert.Equal(":0\r\n", client.Do("PTTL", "a"));
        Assert.Equal("$1\r\nv\r\n", client.Do("GET", "a"));
        fixture.Executor.Expire(now);
        Assert.Equal(":-2\r\n", client.Do("PTTL", "a"));
        Assert.Equal("$-1\r\n", client.Do("GET", "a"));
    }

    [Theory]
    [InlineData("EXPIRE never 5 XX LT", ":0")]
    [InlineData("EXPIRE never 5 LT", ":1")]
    [InlineData("EXPIRE never 5 XX GT", ":0")]
    [InlineData("EXPIRE in100 50 XX LT", ":1")]
    [InlineData("PEXPIRE in100 50000 lt xx", ":1")]
    [InlineData("EXPIRE in100 200 XX LT", ":0")]
    [InlineData("EXPIRE in100 200 XX GT", ":1")]
    [InlineData("PEXPIRE in100 200000 GT XX", ":1")]
    [InlineData("EXPIRE in100 50 XX GT", ":0")]
    [InlineData("EXPIRE absent 50 XX LT", ":0")]
    [InlineData("EXPIRE in100 50 XX XX", ":1")]
    [InlineData("EXPIRE in100 50 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible")]
    [InlineData("EXPIRE in100 50 LT NX", "-ERR NX and XX, GT or LT options at the same time are not compatible")]
    [InlineData("EXPIRE in100 50 GT LT", "-ERR GT and LT options at the same time are not compatible")]
    [InlineData("EXPIRE in100 50 XX GT LT", "-ERR GT and LT options at the same time are not compatible")]
    public void Conditions_of_EXPIRE_go_together_as_in_Redis(string command, string reply)
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        client.Do("SET", "never", "v");
        client.Do("SET", "in100", "v", "EX", "100");
        Assert.Equal($"{reply}\r\n", client.Do(command.Split(' ')));
    }

    [Fact]
    public void WAIT_answers_on_how_many_other_nodes_a_write_certainly_is()
    {
        using var fixture = new RespFixture();
        Assert.Equal(":1\r\n", fixture.Connect().Do("WAIT", "2", "0"));
    }

    [Fact]
    public void HELLO_3_answers_a_map_and_INFO_verbatim_text()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.StartsWith("%7\r\n$6\r\nserver\r\n", client.Do("HELLO", "3", "SETNAME", "me"), StringComparison.Ordinal);
        Assert.Equal("$2\r\nme\r\n", client.Do("CLIENT", "GETNAME"));
        Assert.Matches("^=[0-9]+\r\ntxt:# Server\r\n", client.Do("INFO", "server"));
        Assert.StartsWith("-ERR HELLO AUTH is refused", client.Do("HELLO", "3", "AUTH", "a", "b"), StringComparison.Ordinal);
    }

    [Fact]
    public void COMMAND_tells_what_the_table_says()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.Equal($":{CommandTable.All.Count}\r\n", client.Do("COMMAND", "COUNT"));
        Assert.StartsWith("*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n", client.Do("COMMAND", "INFO", "GET"), StringComparison.Ordinal);
        Assert.StartsWith("*2\r\n$3\r\nset\r\n", client.Do("COMMAND", "DOCS", "set"), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_command_of_the_table_has_exactly_one_way_to_run()
    {
        Assert.Equal(CommandTable.All.Count, CommandTable.All.Select(c => c.Name).Distinct().Count());
        foreach (var command in CommandTable.All)
        {
            Assert.Same(command, CommandTable.Index.Find(System.Text.Encoding.ASCII.GetBytes(command.Name.ToUpperInvariant())));
            Assert.True(command.IsExec || command.Local is not null || command.Data is not null, command.Name);
        }
    }

    [Fact]
    public void Every_command_survives_arguments_of_any_number_and_kind() => Seeds.ForEach(40, seed =>
    {
        var random = new Random(seed);
        using var fixture = new RespFixture();
        string[] words = ["", "a", "0", "-1", "1", "9223372036854775807", "EX", "GET", "NX", "abc", "*", "[", "MATCH", "COUNT", "SETNAME", "\0\r\n", "1.5", "LIST", "INFO", "ENCODING"];
        foreach (var command in CommandTable.All.Where(c => c.Name is not ("quit" or "client")))
        {
            var client = fixture.Connect();
            client.Do("SET", "a", "1");
            var arguments = Enumerable.Range(0, random.Next(6)).Select(_ => words[random.Next(words.Length)]).Prepend(command.Name).ToArray();
            Assert.NotEqual("", client.Do(arguments));
            Assert.False(client.IsClosed, string.Join(' ', arguments));
        }
    });

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("*", "abc", true)]
    [InlineData("a*c", "abbbc", true)]
    [InlineData("a*c", "abbb", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a[b-d]e", "ace", true)]
    [InlineData("a[d-b]e", "ace", true)]
    [InlineData("a[^b-d]e", "ace", false)]
    [InlineData("a\\*c", "a*c", true)]
    [InlineData("a\\*c", "abc", false)]
    [InlineData("[", "[", false)]
    [InlineData("[abc", "a", true)]
    [InlineData("*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    public void Patterns_match_as_in_Redis(string pattern, string text, bool matches) =>
        Assert.Equal(matches, new GlobPattern(System.Text.Encoding.Latin1.GetBytes(pattern)).Matches(System.Text.Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void A_pattern_over_the_limit_is_refused_by_name()
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        Assert.Equal("*0\r\n", client.Do("KEYS", new string('*', 1024)));
        Assert.Equal("-ERR a pattern of 1025 bytes is longer than the limit of 1024 bytes\r\n", client.Do("KEYS", new string('*', 1025)));
        Assert.Equal("-ERR a pattern of 1025 bytes is longer than the limit of 1024 bytes\r\n", client.Do("SCAN", "0", "MATCH", new string('a', 1025)));
        Assert.Equal("*0\r\n", client.Do("CONFIG", "GET", new string('a', 1025)));
    }

    [Theory]
    [InlineData("CLIENT SETNAME {0}")]
    [InlineData("CLIENT SETINFO LIB-NAME {0}")]
    [InlineData("CLIENT SETINFO LIB-VER {0}")]
    [InlineData("HELLO 2 SETNAME {0}")]
    public void What_a_client_calls_itself_is_bounded(string command)
    {
        using var fixture = new RespFixture();
        var client = fixture.Connect();
        string Call(int length) => client.Do(string.Format(System.Globalization.CultureInfo.InvariantCulture, command, new string('n', length)).Split(' '));
        Assert.DoesNotContain("-ERR", Call(256), StringComparison.Ordinal);
        Assert.Equal("-ERR a client's or library's name of 257 bytes is longer than the limit of 256 bytes\r\n", Call(257));
        Assert.DoesNotContain(new string('n', 257), client.Do("CLIENT", "LIST"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(62)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1022)]
    public void Patterns_of_many_words_match(int literals)
    {
        var text = Enumerable.Range(0, literals).Select(i => (byte)(1 + (i % 30))).ToArray();
        Assert.True(new GlobPattern(text).Matches(text));
        Assert.False(new GlobPattern(text).Matches(text.AsSpan(1)));
        Assert.False(new GlobPattern(text).Matches([.. text, 1]));
        Assert.True(new GlobPattern([(byte)'*', .. text, (byte)'*']).Matches([7, .. text, 9, 9]));
        Assert.False(new GlobPattern([(byte)'*', .. text, (byte)'?']).Matches([7, .. text]));
    }

    [Fact]
    public void A_pattern_is_matched_in_time_that_no_pattern_and_no_text_multiply()
    {
        // What returned to its last star looked at half a billion pairs of bytes for each of these keys, on a thread that serves sockets.
        var text = new byte[65_536];
        text.AsSpan().Fill((byte)'a');
        var pattern = new GlobPattern([(byte)'*', .. text.AsSpan(0, 1_000), (byte)'b']);
        var since = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 16; i++)
            Assert.False(pattern.Matches(text));
        Assert.True(since.Elapsed < TimeSpan.FromSeconds(20), $"16 keys took {since.Elapsed}");
    }
}
