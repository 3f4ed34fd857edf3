using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Buffers;
using RaftKv.Tests.Harness.Fuzz;
using Xunit;

namespace RaftKv.Tests.Properties.Fuzz;

/// <summary>What one node says to another: Raft messages, forwarded writes and their answers, configurations.</summary>
public class MessageFuzzTests
{
    private const int Cases = 30_000;

    private static readonly Configuration Joint = new() { Voters = [1, 2, 5], Outgoing = [2, 3], Learners = [9], LearnersNext = [3], AutoLeave = true };

    [Fact]
    public void Raft_messages_are_read_or_refused() => Fuzzer.Run(new FuzzTarget { Corpus = [.. Messages().Select(m => Frame(m)), Frame([.. Messages()])], Read = ReadMessages }, Cases);

    [Fact]
    public void Forwarded_writes_and_their_answers_are_read_or_refused() => Fuzzer.Run(new FuzzTarget { Corpus = Forwards(), Read = ReadForwards }, Cases);

    [Fact]
    public void Frames_are_dealt_out_to_shards_as_far_as_they_are_whole() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus = [.. Forwards(), .. Messages().Select(m => Frame(m))],
            Read = bytes =>
            {
                var frame = new PooledBuffer();
                frame.Write([1]);
                frame.Write(bytes);
                var parts = 0;
                var carried = 0;
                FrameSplitter.Split(frame, 3, (_, part) =>
                {
                    parts++;
                    carried += part.Length - 1;
                    part.Dispose();
                });
                Assert.InRange(carried, 0, bytes.Length);
                return parts > 0;
            },
        },
        Cases);

    [Fact]
    public void Configurations_are_read_or_refused() => Fuzzer.Run(
        new FuzzTarget
        {
            Corpus = [Encoded(Joint), Encoded(new Configuration { Voters = [1] }), Encoded(new Configuration { Voters = [1, 2, 3] })],
            Read = bytes =>
            {
                if (!ConfigurationCodec.TryRead(bytes, out var configuration))
                    return false;
                Assert.Equal(bytes, Encoded(configuration));
                return true;
            },
        },
        Cases);

    private static bool ReadMessages(byte[] bytes)
    {
        var position = 0;
        var read = 0;
        while (MessageCodec.TryRead(bytes, ref position, out var group, out var message))
        {
            read++;
            using var again = new PooledBuffer();
            MessageCodec.Write(again, group, message!);
            // Every message has one encoding, so whatever is accepted is what some node could have written.
            Assert.Equal(bytes.AsSpan(position - again.Length, again.Length), again.Span);
        }

        Assert.InRange(position, 0, bytes.Length);
        return read > 0;
    }

    private static bool ReadForwards(byte[] bytes)
    {
        var items = 0;
        ReadOnlySpan<byte> rest = bytes;
        while (ForwardCodec.TryReadRequest(ref rest, out _, out _, out var command))
        {
            items++;
            Assert.InRange(command.Length, 0, bytes.Length);
        }

        rest = bytes;
        while (ForwardCodec.TryReadAnswer(ref rest, out _, out _, out var answer, out _))
        {
            items++;
            Assert.True(Enum.IsDefined(answer), $"{answer} is no answer");
        }

        return items > 0;
    }

    private static byte[] Frame(params Message[] messages)
    {
        using var frame = new PooledBuffer();
        foreach (var message in messages)
            MessageCodec.Write(frame, 7, message);
        return frame.Span.ToArray();
    }

    /// <summary>Valid frames: each message alone, and all of them; for node 2 as well as by it.</summary>
    internal static IEnumerable<byte[]> Frames() => Messages().Select(m => Frame(m)).Append(Frame([.. Messages()]));

    private static byte[] Encoded(Configuration configuration)
    {
        using var into = new PooledBuffer();
        ConfigurationCodec.Write(into, configuration);
        return into.Span.ToArray();
    }

    private static List<byte[]> Forwards()
    {
        using var requests = new PooledBuffer();
        using var answers = new PooledBuffer();
        for (uint i = 0; i < 3; i++)
        {
            ForwardCodec.WriteRequest(requests, i, 1000 + i, new byte[i * 20]);
            ForwardCodec.WriteAnswer(answers, i, 1000 + i, (ForwardAnswer)(i % 3), new byte[i * 10]);
        }

        return [requests.Span.ToArray(), answers.Span.ToArray()];
    }

    private static List<Message> Messages() =>
    [
        new AppendEntries
        {
            From = 1, To = 2, Term = 9, PreviousIndex = 7, PreviousTerm = 3, CommitIndex = 6, SentAt = 123456789, ReadRound = 4,
            Entries =
            [
                new LogEntry(8, 4, EntryKind.NoOp, 5, default), new LogEntry(9, 4, EntryKind.Command, 5, "a command"u8.ToArray()),
                new LogEntry(10, 9, EntryKind.Configuration, 5, Encoded(Joint)),
            ],
        },
        new AppendEntries { From = 1, To = 2, Term = 9, PreviousIndex = 7, PreviousTerm = 3, CommitIndex = 6, SentAt = long.MinValue, ReadRound = 4, Entries = [] },
        new AppendAccepted { From = 2, To = 1, Term = 9, MatchIndex = 10, SentAtEcho = 123456789, ReadRound = 4 },
        new AppendRejected { From = 2, To = 1, Term = 9, RejectedIndex = 7, HintIndex = 5, HintTerm = 2, SentAtEcho = 123456789, ReadRound = 4 },
        new Heartbeat { From = 1, To = 2, Term = 9, CommitIndex = 6, SentAt = 5, ReadRound = 4, Quiesce = true, LastIndex = 10, LogTime = 1_795_248_000_000 },
        new HeartbeatAcknowledged { From = 2, To = 1, Term = 9, SentAtEcho = 5, ReadRound = 4, Quiesced = true },
        new PreVoteRequest { From = 3, To = 1, Term = 10, LastIndex = 10, LastTerm = 9 },
        new PreVoteResponse { From = 1, To = 3, Term = 10, Granted = true },
        new VoteRequest { From = 3, To = 1, Term = 10, LastIndex = 10, LastTerm = 9, LeadershipTransfer = true },
        new VoteResponse { From = 1, To = 3, Term = 10, Granted = false },
        new TimeoutNow { From = 1, To = 2, Term = 10 },
        new ReadIndexRequest { From = 2, To = 1, Term = 10, Context = 77 },
        new ReadIndexResponse { From = 1, To = 2, Term = 10, Context = 77, Index = 12 },
        new ReadIndexRefused { From = 1, To = 2, Term = 10, Context = 77 },
        new SnapshotChunk
        {
            From = 1, To = 2, Term = 10, SnapshotId = 5, SnapshotIndex = 100, SnapshotTerm = 2, SnapshotTime = 3, Configuration = Joint, Offset = 4096, Checksum = 99, Last = true,
            Data = "bytes of an image"u8.ToArray(),
        },
        new SnapshotAcknowledged { From = 2, To = 1, Term = 10, SnapshotId = 5, NextOffset = 8192 },
        new SnapshotRefused { From = 2, To = 1, Term = 10, SnapshotId = 5 },
    ];
}
