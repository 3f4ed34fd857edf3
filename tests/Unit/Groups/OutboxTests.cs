using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Consensus.Groups;
using RaftKv.Consensus.Groups.Node;
using RaftKv.Consensus.Groups.Shards;
using RaftKv.Consensus.Raft;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;
using RaftKv.Engine.State;
using RaftKv.Engine.State.Sessions;
using Xunit;
using Outbox = RaftKv.Consensus.Groups.Shards.PeerOutbox;

namespace RaftKv.Tests.Unit.Groups;

/// <summary>No frame is ever longer than the transport takes, whatever a turn has to say; and what waits for a shard or for a peer is bounded.</summary>
public class OutboxTests
{
    private const int MaxFrame = 4096;

    [Fact]
    public void Items_that_together_would_be_too_long_make_several_frames_each_whole()
    {
        var transport = new RecordingTransport();
        var outbox = new PeerOutbox(transport, NullLogger.Instance);
        for (ulong i = 1; i <= 40; i++)
        {
            outbox.AddForward(2, 1, i, new byte[i * 90]);
            outbox.AddAnswer(3, 1, i, ForwardAnswer.Done, new byte[i * 90]);
            outbox.Add(1, new SnapshotChunk { From = 1, To = 2, Term = 1, SnapshotId = i, SnapshotIndex = 1, SnapshotTerm = 1, SnapshotTime = 0, Offset = 0, Checksum = 0, Last = false, Configuration = new() { Voters = [1, 2, 3] }, Data = new byte[i * 90] });
        }

        outbox.Flush();
        Assert.All(transport.Sent, f => Assert.InRange(f.Frame.Length, 2, MaxFrame));
        List<ulong> forwards = [], answers = [], chunks = [];
        foreach (var (_, frame) in transport.Sent)
        {
            ReadOnlySpan<byte> items = frame.AsSpan(1);
            switch ((FrameKind)frame[0])
            {
                case FrameKind.Forward:
                    while (ForwardCodec.TryReadRequest(ref items, out _, out var request, out var command))
                    {
                        Assert.Equal((int)request * 90, command.Length);
                        forwards.Add(request);
                    }

                    break;
                case FrameKind.ForwardAnswer:
                    while (ForwardCodec.TryReadAnswer(ref items, out _, out var request, out var answer, out var result))
                    {
                        Assert.Equal((ForwardAnswer.Done, (int)request * 90), (answer, result.Length));
                        answers.Add(request);
                    }

                    break;
                default:
                    for (var position = 1; position < frame.Length;)
                    {
                        Assert.True(MessageCodec.TryRead(frame, ref position, out _, out var message));
                        chunks.Add(((SnapshotChunk)message!).SnapshotId);
                    }

                    items = default;
                    break;
            }

            Assert.True(items.IsEmpty);
        }

        ulong[] all = [.. Enumerable.Range(1, 40).Select(i => (ulong)i)];
        Assert.Equal(all, forwards);
        Assert.Equal(all, answers);
        Assert.Equal(all, chunks);
    }

    [Fact]
    public void A_command_of_the_largest_size_fits_whether_it_is_forwarded_or_replicated()
    {
        var transport = new RecordingTransport();
        var outbox = new PeerOutbox(transport, NullLogger.Instance);
        var command = new byte[outbox.LargestCommand];
        outbox.AddForward(2, 1, 1, command);
        outbox.Add(1, new AppendEntries { From = 1, To = 2, Term = 1, CommitIndex = 0, PreviousIndex = 0, PreviousTerm = 0, SentAt = 0, Entries = [new(1, 1, EntryKind.Command, 1, command)] });
        outbox.Flush();
        Assert.Equal(2, transport.Sent.Count);
        Assert.All(transport.Sent, f => Assert.InRange(f.Frame.Length, command.Length, MaxFrame));
    }

    [Fact]
    public void A_result_that_is_too_long_or_finds_no_room_is_left_out_and_its_caller_told()
    {
        var transport = new RecordingTransport { Free = 10_000 };
        var outbox = new PeerOutbox(transport, NullLogger.Instance);
        outbox.AddAnswer(2, 1, 1, ForwardAnswer.Done, new byte[MaxFrame]);
        outbox.Flush();
        Assert.Equal([(1UL, ForwardAnswer.ResultDropped, 0)], Answers(transport));
        transport.MaxFrameBytes = 1 << 20;
        outbox.AddAnswer(2, 1, 2, ForwardAnswer.Done, new byte[6000]);
        outbox.AddAnswer(2, 1, 3, ForwardAnswer.Done, new byte[6000]);
        outbox.AddAnswer(2, 1, 4, ForwardAnswer.Done, new byte[100]);
        outbox.Flush();
        Assert.Equal([(2UL, ForwardAnswer.Done, 6000), (3UL, ForwardAnswer.ResultDropped, 0), (4UL, ForwardAnswer.Done, 100)], Answers(transport));
    }

    [Fact]
    public void An_item_that_fits_no_frame_is_dropped_and_the_others_are_not()
    {
        var transport = new RecordingTransport();
        var outbox = new PeerOutbox(transport, NullLogger.Instance);
        outbox.AddForward(2, 1, 1, new byte[MaxFrame]);
        outbox.Flush();
        Assert.Empty(transport.Sent);
        outbox.AddForward(2, 1, 2, new byte[100]);
        outbox.AddForward(2, 1, 3, new byte[MaxFrame]);
        outbox.AddForward(2, 1, 4, new byte[100]);
        outbox.Flush();
        ReadOnlySpan<byte> items = Assert.Single(transport.Sent).Frame.AsSpan(1);
        Assert.True(ForwardCodec.TryReadRequest(ref items, out _, out var first, out _) && ForwardCodec.TryReadRequest(ref items, out _, out var second, out _) && (first, second) == (2, 4) && items.IsEmpty);
    }

    /// <summary>What the format allows fits a frame of the usual size by far, so that nothing legal has to be refused for it.</summary>
    [Fact]
    public void Frames_have_room_for_whatever_is_legal()
    {
        var options = new TransportOptions { Listen = new(System.Net.IPAddress.Loopback, 0) };
        var configuration = new NodeConfiguration { Self = 1, Members = [], Groups = 1, Shards = 1, Seed = 1, Raft = new() { Self = 1 } };
        const int Record = CommandLimits.KeyCeiling + CommandLimits.ValueCeiling + 1024;
        Assert.True(PeerOutbox.LargestCommandIn(options.MaxFrameBytes) >= CommandLimits.CommandCeiling, "a command");
        Assert.True(options.MaxFrameBytes > CommandLimits.ResultCeiling + ForwardCodec.Overhead, "a result");
        Assert.True(options.MaxFrameBytes >= configuration.SnapshotChunkBytes + SessionLimits.MaxRetainedBytes + Record, "a piece of an image and the record that it ends with");
        Assert.True(options.MaxQueuedBytes >= options.MaxFrameBytes + configuration.MaxForwardedBytes, "a frame behind those under way");
        Assert.True(configuration.MaxInboxBytes >= 2 * options.MaxFrameBytes);
    }

    [Fact]
    public void A_frame_for_one_shard_is_handed_on_and_others_are_cut_to_their_parts()
    {
        List<(int Shard, PooledBuffer Part)> parts = [];
        var frame = Frame(4, 2, 2);
        FrameSplitter.Split(frame, 2, (shard, part) => parts.Add((shard, part)));
        Assert.Same(frame, Assert.Single(parts).Part);
        Assert.Equal(0, parts[0].Shard);
        parts.Clear();
        FrameSplitter.Split(Frame(1, 2, 3), 2, (shard, part) => parts.Add((shard, part)));
        Assert.Equal([0, 1], parts.Select(p => p.Shard));
        Assert.Equal(1 + 16 + 100, parts[0].Part.Length);
        Assert.Equal(1 + (2 * (16 + 100)), parts[1].Part.Length);
    }

    [Fact]
    public void What_waits_for_a_shard_that_stands_still_is_bounded_and_one_frame_always_goes()
    {
        var inbox = new ShardInbox(null, 1000);
        for (var i = 0; i < 30; i++)
            inbox.Post(2, Bytes(400));
        List<int> taken = [];
        while (inbox.TryTake(out var @event))
        {
            taken.Add(((PooledBuffer)@event.Subject!).Length);
            inbox.Taken((PooledBuffer)@event.Subject!);
        }

        Assert.Equal([400, 400], taken);
        inbox.Post(2, Bytes(5000));
        Assert.False(inbox.IsEmpty);
    }

    [Fact]
    public void Writes_forwarded_and_not_answered_are_bounded_and_the_rest_follows_the_answers()
    {
        using var follower = new FollowerFixture();
        for (var i = 0; i < 5; i++)
            follower.Write(3 << 20);
        // Two of 3 MiB: a third would be more than 8 MiB.
        Assert.Equal(2, follower.Forwarded.Count);
        follower.Answer(follower.Forwarded[0], ForwardAnswer.Done);
        Assert.Equal(3, follower.Forwarded.Count);
        follower.Write(20 << 20);
        while (follower.Next < follower.Forwarded.Count)
            follower.Answer(follower.Forwarded[follower.Next], ForwardAnswer.Done);
        Assert.Equal(6, follower.Forwarded.Count);
        Assert.All(follower.Operations, o => Assert.Equal(OperationStatus.Completed, o.Status));
    }

    [Fact]
    public void A_command_that_no_frame_carries_is_refused_at_once_and_a_dropped_result_leaves_the_outcome_open()
    {
        using var follower = new FollowerFixture { MaxFrameBytes = 1 << 20 };
        var tooLong = follower.Write(1 << 20);
        Assert.Equal(OperationStatus.Unavailable, tooLong.Status);
        Assert.Contains($"{(1 << 20) - 256} bytes at most", tooLong.Reason, StringComparison.Ordinal);
        var dropped = follower.Write(100);
        Assert.Equal(OperationStatus.Pending, dropped.Status);
        follower.Answer(follower.Forwarded[0], ForwardAnswer.ResultDropped);
        Assert.Equal(OperationStatus.OutcomeUnknown, dropped.Status);
        Assert.Contains("applied", dropped.Reason, StringComparison.Ordinal);
    }

    private static List<(ulong, ForwardAnswer, int)> Answers(RecordingTransport transport)
    {
        List<(ulong, ForwardAnswer, int)> answers = [];
        foreach (var (_, frame) in transport.Sent)
        {
            ReadOnlySpan<byte> items = frame.AsSpan(1);
            while (ForwardCodec.TryReadAnswer(ref items, out _, out var request, out var answer, out var result))
                answers.Add((request, answer, result.Length));
        }

        transport.Sent.Clear();
        return answers;
    }

    private static PooledBuffer Frame(params uint[] groups)
    {
        var frame = new PooledBuffer();
        frame.Write([(byte)FrameKind.Forward]);
        foreach (var group in groups)
            ForwardCodec.WriteRequest(frame, group, 1, new byte[100]);
        return frame;
    }

    private static PooledBuffer Bytes(int length)
    {
        var buffer = new PooledBuffer();
        buffer.SetLength(length);
        return buffer;
    }

    private sealed class RecordingTransport : ITransport
    {
        public List<(ulong Peer, byte[] Frame)> Sent { get; } = [];

        public int MaxFrameBytes { get; set; } = MaxFrame;

        public long Free { get; init; } = long.MaxValue;

        public long FreeBytes(ulong peer) => Free;

        public bool Send(ulong peer, PooledBuffer frame)
        {
            Sent.Add((peer, frame.Span.ToArray()));
            frame.Dispose();
            return true;
        }

        public bool IsConnected(ulong peer) => true;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
