using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.Extensions.Logging;
using RaftKv.Hosting;
using RaftKv.Server.Resp.Connections;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;
using RaftKv.Tests.Harness.Fuzz;
using RaftKv.Tests.Harness.Io;
using RaftKv.Tests.Harness;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>What any client may send.</summary>
public class RespFuzzTests
{
    // Small, so that reaching a limit is common.
    private static readonly RespLimits Limits = new()
    {
        MaxKeyBytes = 64, MaxValueBytes = 2048, MaxCommandBytes = 4096, MaxBulkBytes = 1 << 20, MaxArguments = 64, MaxLineBytes = 512, MaxPendingOperations = 8, OutputHighWater = 1024, MaxQueuedBytes = 2048,
    };

    [Fact]
    public void The_parser_takes_any_stream() => Fuzzer.Run(new FuzzTarget { Corpus = Corpus(), Read = Parse, BytesPerByte = 32 }, 30_000);

    [Fact]
    public void A_connection_answers_any_stream_with_whole_replies() => Fuzzer.Run(
        new FuzzTarget { Corpus = Corpus(), Read = Serve, FixedBytes = 64 << 20, BytesPerByte = 4096 },
        10_000);

    private static bool Parse(byte[] stream)
    {
        using var parser = new RespParser(Limits);
        var random = new SeededRandom((ulong)stream.Length);
        var (start, arrived, commands, steps) = (0, 0, 0, 0);
        while (true)
        {
            var position = 0;
            var data = stream.AsSpan(start, arrived - start);
            var status = parser.Next(data, ref position);
            Assert.InRange(position, 0, data.Length);
            Assert.True(++steps <= (stream.Length * 3) + 10, "the parser makes no progress");
            switch (status)
            {
                case RespParseStatus.Command:
                    var arguments = parser.Arguments(data);
                    Assert.InRange(arguments.Count, 1, Math.Max(Limits.MaxArguments, Limits.MaxLineBytes));
                    for (var i = 0; i < arguments.Count; i++)
                        Assert.InRange(arguments[i].Length, 0, Limits.MaxValueBytes);
                    commands++;
                    break;
                case RespParseStatus.Error:
                    Assert.StartsWith("ERR Protocol error: ", parser.Problem, StringComparison.Ordinal);
                    return false;
                case RespParseStatus.Incomplete when arrived == stream.Length:
                    return commands > 0;
                case RespParseStatus.Incomplete:
                    arrived = Math.Min(stream.Length, arrived + 1 + random.Below(random.Below(2) == 0 ? 3 : 300));
                    break;
            }

            start += position;
        }
    }

    private static bool Serve(byte[] stream)
    {
        using var executor = new MemoryExecutor { Time = 1_000_000 };
        var log = new ErrorLog();
        var cluster = new ClusterDescription([new("n1", "a:1", true)], 1, [new(1, "n1", 3, 10, 10, ["n1"], [])]);
        var server = new RespServer(new ServerContext(executor, new SingleGroupRouter(1), () => cluster, log) { Limits = Limits, NodeName = "n1" });
        var client = server.Open("client:1", "node:1");
        var input = new Pipe(Options());
        var output = new Pipe(Options());
        var connection = new RespConnection(server, new Duplex(input.Reader, output.Writer), server.PumpOf(client), client);
        connection.Start();
        var random = new SeededRandom((ulong)stream.Length);
        var replies = new ArrayBufferWriter<byte>();
        for (var at = 0; at < stream.Length && !connection.Closed.IsCompleted;)
        {
            var count = Math.Min(stream.Length - at, 1 + random.Below(random.Below(3) == 0 ? 5 : 3000));
            input.Writer.Write(stream.AsSpan(at, count));
            _ = input.Writer.FlushAsync().AsTask();
            at += count;
            Take(output.Reader, replies);
        }

        input.Writer.Complete();
        while (!connection.Closed.IsCompleted && Take(output.Reader, replies))
        {
        }

        Take(output.Reader, replies);
        Assert.True(connection.Closed.IsCompleted, "the connection is still open after its client has gone and has been answered");
        if (log.First is { } error)
            throw new InvalidOperationException($"the connection broke: {error}", error);
        connection.Dispose();
        server.Close(client);
        CheckReplies(replies.WrittenSpan);
        return !replies.WrittenSpan.StartsWith("-"u8) && replies.WrittenCount > 0;
    }

    private static bool Take(PipeReader reader, ArrayBufferWriter<byte> replies)
    {
        if (!reader.TryRead(out var result))
            return false;
        foreach (var piece in result.Buffer)
            replies.Write(piece.Span);
        var any = !result.Buffer.IsEmpty;
        reader.AdvanceTo(result.Buffer.End);
        return any;
    }

    /// <summary>Whatever was asked, what comes back is a sequence of whole replies.</summary>
    private static void CheckReplies(ReadOnlySpan<byte> replies)
    {
        var rest = replies;
        while (!rest.IsEmpty)
            rest = AfterReply(rest, 0);
    }

    private static ReadOnlySpan<byte> AfterReply(ReadOnlySpan<byte> bytes, int depth)
    {
        var end = bytes.IndexOf("\r\n"u8);
        Assert.True(end > 0 && depth < 8, $"not a reply: {Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 80)])}");
        var line = Encoding.Latin1.GetString(bytes[1..end]);
        Assert.DoesNotContain('\n', line);
        var rest = bytes[(end + 2)..];
        switch ((char)bytes[0])
        {
            case '+' or '-' or ':' or '_' or ',' or '#' or '(':
                return rest;
            case '$' or '=' when line == "-1":
                return rest;
            case '$' or '=' or '!':
                var length = int.Parse(line, null);
                Assert.True(rest.Length >= length + 2 && rest.Slice(length, 2).SequenceEqual("\r\n"u8), "a bulk reply is cut");
                return rest[(length + 2)..];
            case '*' or '~' or '>' or '%':
                for (var left = Math.Max(int.Parse(line, null), 0) * (bytes[0] == '%' ? 2 : 1); left > 0; left--)
                    rest = AfterReply(rest, depth + 1);
                return rest;
            default:
                Assert.Fail($"not a reply: {(char)bytes[0]}{line}");
                return default;
        }
    }

    private static List<byte[]> Corpus()
    {
        List<byte[]> corpus =
        [
            "PING\r\nSET k 'a b' \r\nGET \"k\\x41\\n\"\r\n"u8.ToArray(),
            "*0\r\n\r\n*-1\r\n*1\r\n$4\r\nPING\r\n"u8.ToArray(),
            Stream("SET k 1", "INCR k", "INCRBY k 41", "DECRBY k -5", "INCRBYFLOAT k 0.5", "GET k", "GETDEL k", "EXISTS k"),
            Stream("MULTI", "SET a 1", "INCR a", "GET a", "EXEC", "WATCH a", "MULTI", "SET a 2", "DISCARD", "UNWATCH"),
            Stream("MSET a 1 b 2 c 3", "MGET a b c d", "DEL a b", "UNLINK c", "MSETNX d 1 e 2", "RENAME d f", "RENAMENX f g", "COPY g h", "DBSIZE", "RANDOMKEY", "TYPE g"),
            Stream("SET k v EX 100 NX GET", "EXPIRE k 10 XX", "PEXPIRE k 100 GT", "EXPIREAT k 99999", "TTL k", "PTTL k", "EXPIRETIME k", "PERSIST k", "GETEX k EX 10", "SETEX k 10 v", "PSETEX k 10 v"),
            Stream("HELLO 3 SETNAME me", "CLIENT SETNAME x", "CLIENT LIST", "CLIENT INFO", "CLIENT ID", "CLIENT REPLY SKIP", "PING", "SELECT 0", "ECHO hi", "HELLO 2"),
            Stream("SCAN 0 MATCH k*[a-c]? COUNT 10", "KEYS *", "STRLEN k", "APPEND k xyz", "SETRANGE k 10 abc", "GETRANGE k 0 -1", "SUBSTR k 0 3", "LCS k k"),
            Stream("INFO", "COMMAND", "COMMAND COUNT", "COMMAND INFO get set", "CONFIG GET *", "TIME", "WAIT 1 100", "ROLE", "CLUSTER INFO", "DEBUG SLEEP 0", "OBJECT ENCODING k", "MEMORY USAGE k", "LOLWUT"),
            Stream("FLUSHALL", "FLUSHDB ASYNC", "QUIT", "PING"),
            Encoding.Latin1.GetBytes($"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000\r\n{new string('x', 3000)}\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
            Encoding.Latin1.GetBytes($"*3\r\n$3\r\nSET\r\n$65\r\n{new string('k', 65)}\r\n$1\r\nv\r\n*1\r\n$4\r\nPING\r\n"),
        ];
        return corpus;
    }

    private static byte[] Stream(params string[] commands) => Encoding.Latin1.GetBytes(string.Concat(commands.Select(c =>
    {
        var words = c.Split(' ');
        return $"*{words.Length}\r\n" + string.Concat(words.Select(w => $"${w.Length}\r\n{w}\r\n"));
    })));

    private static PipeOptions Options() =>
        new(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1 << 30, resumeWriterThreshold: 1 << 29, useSynchronizationContext: false);

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Keeps the first error that a connection reports: what it calls an internal error is one.</summary>
    private sealed class ErrorLog : ILogger
    {
        public Exception? First { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error)
                First ??= exception ?? new InvalidOperationException(formatter(state, exception));
        }
    }
}
