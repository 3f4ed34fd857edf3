using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Buffers;
using Xunit;

namespace RaftKv.Tests.Properties.Consensus.Raft;

/// <summary>The codec reads back what it wrote, and takes any other bytes calmly. (That every kind of message survives the trip in a real run, the simulated network checks on its way.)</summary>
public class MessageCodecTests
{
    [Fact]
    public void Packed_messages_are_read_back_as_they_were()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            var random = new DeterministicRandom(seed);
            using var frame = new PooledBuffer();
            var messages = Enumerable.Range(0, 5).Select(_ => Any(random)).ToList();
            foreach (var message in messages)
                MessageCodec.Write(frame, (uint)seed, message);
            var position = 0;
            foreach (var message in messages)
            {
                Assert.True(MessageCodec.TryRead(frame.Memory, ref position, out var group, out var read), $"seed {seed}: {message} cannot be read back");
                Assert.Equal((uint)seed, group);
                using var again = new PooledBuffer();
                MessageCodec.Write(again, group, read!);
                using var original = new PooledBuffer();
                MessageCodec.Write(original, group, message);
                Assert.True(original.Span.SequenceEqual(again.Span), $"seed {seed}: {message} came back as {read}");
            }

            Assert.Equal(frame.Length, position);
        }
    }

    [Fact]
    public void Damaged_bytes_give_false_or_a_message_and_never_an_exception()
    {
        for (ulong seed = 1; seed <= 3000; seed++)
        {
            var random = new DeterministicRandom(seed);
            using var frame = new PooledBuffer();
            MessageCodec.Write(frame, 1, Any(random));
            var bytes = frame.Span.ToArray();
            for (var damage = random.Below(4); damage >= 0; damage--)
                bytes[random.Below(bytes.Length)] = (byte)random.Below(256);
            var length = (int)random.Below(bytes.Length + 1);
            var position = 0;
            while (MessageCodec.TryRead(bytes.AsMemory(0, length), ref position, out _, out var message))
                Assert.NotNull(message);
            Assert.InRange(position, 0, length);
        }
    }

    private static Message Any(DeterministicRandom random)
    {
        ulong Number() => (ulong)random.Below(1L << (int)random.Below(50));
        long Time() => random.Below(5) == 0 ? long.MinValue : (long)Number();
        bool Coin() => random.Below(2) == 0;
        byte[] Bytes() => [.. Enumerable.Range(0, (int)random.Below(40)).Select(_ => (byte)random.Below(256))];
        var (from, to, term) = (Number() + 1, Number() + 1, Number() + 10);
        return random.Below(16) switch
        {
            0 or 1 => new AppendEntries
            {
                From = from, To = to, Term = term, PreviousIndex = 7, PreviousTerm = 3, CommitIndex = Number(), SentAt = Time(), ReadRound = Number(),
                Entries = [.. Enumerable.Range(0, (int)random.Below(5)).Select(i => new LogEntry(8 + (ulong)i, 3 + (ulong)i, Coin() ? EntryKind.NoOp : EntryKind.Command, Time(), Bytes()))],
            },
            2 => new AppendAccepted { From = from, To = to, Term = term, MatchIndex = Number(), SentAtEcho = Time(), ReadRound = Number() },
            3 => new AppendRejected { From = from, To = to, Term = term, RejectedIndex = Number(), HintIndex = Number(), HintTerm = Number(), SentAtEcho = Time() },
            4 => new Heartbeat { From = from, To = to, Term = term, CommitIndex = Number(), SentAt = Time(), ReadRound = Number(), Quiesce = Coin(), LastIndex = Number(), LogTime = Time() },
            5 => new HeartbeatAcknowledged { From = from, To = to, Term = term, SentAtEcho = Time(), ReadRound = Number(), Quiesced = Coin() },
            6 => new PreVoteRequest { From = from, To = to, Term = term, LastIndex = Number(), LastTerm = Number() },
            7 => new PreVoteResponse { From = from, To = to, Term = term, Granted = Coin() },
            8 => new VoteRequest { From = from, To = to, Term = term, LastIndex = Number(), LastTerm = Number(), LeadershipTransfer = Coin() },
            9 => new VoteResponse { From = from, To = to, Term = term, Granted = Coin() },
            10 => new TimeoutNow { From = from, To = to, Term = term },
            11 => new ReadIndexRequest { From = from, To = to, Term = term, Context = Number() },
            12 => new ReadIndexResponse { From = from, To = to, Term = term, Context = Number(), Index = Number() },
            13 => new ReadIndexRefused { From = from, To = to, Term = term, Context = Number() },
            14 => new SnapshotAcknowledged { From = from, To = to, Term = term, SnapshotId = Number(), NextOffset = (long)Number() },
            _ => new SnapshotChunk
            {
                From = from, To = to, Term = term, SnapshotId = Number(), SnapshotIndex = Number(), SnapshotTerm = 2, SnapshotTime = Time(),
                Configuration = new Configuration { Voters = [1, 2, 5], Outgoing = [2, 3], Learners = [9], LearnersNext = [3], AutoLeave = Coin() },
                Offset = (long)Number(), Checksum = (uint)Number(), Last = Coin(), Data = Bytes(),
            },
        };
    }
}
