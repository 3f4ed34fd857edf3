using System.Text;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness.State;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

public sealed class RespParserTests
{
    private static readonly RespLimits Small = new() { MaxValueBytes = 100, MaxCommandBytes = 300, MaxLineBytes = 64, MaxArguments = 20, MaxBulkBytes = 10_000 };

    [Fact]
    public void A_command_is_found_wherever_the_stream_is_cut()
    {
        var stream = Bytes("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nx\r\nyz\r\n" + "PING\r\n" + "*0\r\n\r\n" + "*2\r\n$3\r\nGET\r\n$0\r\n\r\n" + "set k \"a\\x41\\n\" 'it\\'s'\r\n");
        string[] expected = ["SET|a|x\r\nyz", "PING", "", "", "GET|", "set|k|aA\n|it's"];
        for (var first = 0; first <= stream.Length; first++)
        {
            for (var second = first; second <= stream.Length; second += 3)
                Assert.Equal(expected, Feed(new RespLimits(), stream[..first], stream[first..second], stream[second..]));
        }
    }

    [Fact]
    public void A_command_is_found_byte_by_byte()
    {
        var stream = Bytes("*2\r\n$4\r\nECHO\r\n$12\r\nhello\r\nworld\r\n");
        Assert.Equal(["ECHO|hello\r\nworld"], Feed(new RespLimits(), [.. stream.Select(b => new[] { b })]));
    }

    [Theory]
    [InlineData("*2\r\n+3\r\nGET\r\n", "ERR Protocol error: expected '$', got '+'")]
    [InlineData("*abc\r\n", "ERR Protocol error: invalid multibulk length")]
    [InlineData("*21\r\n", "ERR Protocol error: invalid multibulk length")]
    [InlineData("*9999999999999999999999\r\n", "ERR Protocol error: invalid multibulk length")]
    [InlineData("*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$abc\r\n", "ERR Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$10001\r\n", "ERR Protocol error: invalid bulk length")]
    [InlineData("*1\r\n$18446744073709551615\r\n", "ERR Protocol error: invalid bulk length")]
    [InlineData("set a \"b\r\n", "ERR Protocol error: unbalanced quotes in request")]
    [InlineData("set a 'b'c\r\n", "ERR Protocol error: unbalanced quotes in request")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ERR Protocol error: too big inline request")]
    [InlineData("*11111111111111111111111111111111111111111111111111111111111111111111111111", "ERR Protocol error: too big mbulk count string")]
    [InlineData("*1\r\n$1111111111111111111111111111111111111111111111111111111111111111111111", "ERR Protocol error: too big bulk count string")]
    public void Bytes_that_are_not_RESP_are_told_in_the_words_of_Redis(string bytes, string problem) =>
        Assert.Equal([problem], Feed(Small, Bytes(bytes)));

    [Fact]
    public void A_long_argument_is_skipped_as_it_arrives_and_the_next_command_is_found()
    {
        var stream = Bytes($"*4\r\n$3\r\nSET\r\n$1\r\na\r\n$5000\r\n{new string('x', 5000)}\r\n$2\r\nNX\r\n*1\r\n$4\r\nPING\r\n");
        string[] expected = ["ERR an argument of 5000 bytes is longer than the limit of 100 bytes; nothing was changed", "PING"];
        foreach (var size in new[] { 1, 7, 1000, stream.Length })
            Assert.Equal(expected, Feed(Small, [.. stream.Chunk(size)]));
    }

    [Fact]
    public void A_command_that_is_too_long_as_a_whole_is_skipped_too()
    {
        var stream = Bytes("*5\r\n" + string.Concat(Enumerable.Repeat($"$90\r\n{new string('x', 90)}\r\n", 5)) + "PING\r\n");
        foreach (var size in new[] { 1, 13, stream.Length })
            Assert.Equal(["ERR the command is longer than the limit of 300 bytes; nothing was changed", "PING"], Feed(Small, [.. stream.Chunk(size)]));
    }

    [Fact]
    public void An_argument_of_exactly_the_limit_is_kept()
    {
        Assert.Equal([new string('x', 100)], Feed(Small, Bytes($"*1\r\n$100\r\n{new string('x', 100)}\r\n")));
        Assert.StartsWith("ERR an argument of 101 bytes", Feed(Small, Bytes($"*1\r\n$101\r\n{new string('x', 101)}\r\n"))[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_never_do_worse_than_an_error() => Seeds.ForEach(300, seed =>
    {
        var random = new Random(seed);
        var alphabet = "*$\r\n0123456789-+ab \"'\\x\0\u00ff";
        var stream = new byte[random.Next(1, 400)];
        for (var i = 0; i < stream.Length; i++)
            stream[i] = (byte)alphabet[random.Next(alphabet.Length)];
        var whole = Feed(Small, stream);
        var cut = Feed(Small, [.. stream.Chunk(random.Next(1, 20))]);
        Assert.Equal(whole, cut);
    });

    /// <summary>Presents chunks as a connection does: what is not consumed comes again, with more behind it.</summary>
    private static List<string> Feed(RespLimits limits, params byte[][] chunks)
    {
        using var parser = new RespParser(limits);
        var found = new List<string>();
        var held = Array.Empty<byte>();
        foreach (var chunk in chunks)
        {
            held = [.. held, .. chunk];
            var position = 0;
            while (true)
            {
                var status = parser.Next(held, ref position);
                if (status == RespParseStatus.Incomplete)
                    break;
                found.Add(status switch
                {
                    RespParseStatus.Command => Join(parser.Arguments(held)),
                    RespParseStatus.Empty => "",
                    _ => parser.Problem,
                });
                if (status == RespParseStatus.Error)
                    return found;
            }
            held = held[position..];
        }
        return found;
    }

    private static string Join(RespArguments arguments)
    {
        var words = new List<string>();
        for (var i = 0; i < arguments.Count; i++)
            words.Add(Encoding.Latin1.GetString(arguments[i]));
        return string.Join('|', words);
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);
}
