using System.Buffers.Binary;
using Microsoft.Extensions.Logging;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Consensus.Transport;
using RaftKv.Engine;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>What a frame between nodes carries. First byte of the frame's payload; numbers are never changed.</summary>
internal enum FrameKind : byte
{
    /// <summary>Raft messages of any groups.</summary>
    Raft = 0,

    /// <summary>Writes that a follower's callers made, for the leader.</summary>
    Forward = 1,

    /// <summary>Answers to forwarded writes.</summary>
    ForwardAnswer = 2,

    /// <summary>What the sender's wall clock shows.</summary>
    Clock = 3,
}

/// <summary>
/// Collects what a shard's turn has to say to each peer: one frame per peer and kind and turn, all groups together. This is where heartbeats are coalesced.
/// A frame that is full, or that the next item would make too long, is followed by another.
/// Invariant: no frame is longer than the transport takes.
/// </summary>
internal sealed partial class PeerOutbox
{
    /// <summary>More than stands around a command in a forwarded request or an append with that one entry.</summary>
    private const int CommandOverhead = 256;

    /// <summary>A frame that has grown to this takes no further item, so that a turn with many large entries makes several frames of bearable size.</summary>
    private const int FullBytes = 1 << 20;

    /// <summary>Answers up to this long are not asked whether there is room for them: without them a caller learns nothing before its deadline.</summary>
    private const int SmallAnswer = 4096;

    private readonly ITransport _transport;
    private readonly ILogger _logger;
    private readonly List<PeerFrames> _peers = [];

    public PeerOutbox(ITransport transport, ILogger logger) => (_transport, _logger) = (transport, logger);

    /// <summary>The longest command that can be forwarded, and replicated as an entry. Longer ones are to be refused.</summary>
    public int LargestCommand => LargestCommandIn(_transport.MaxFrameBytes);

    /// <summary>The longest command for which frames of a given size have room.</summary>
    public static int LargestCommandIn(int maxFrameBytes) => maxFrameBytes - CommandOverhead;

    public void Add(uint group, Message message)
    {
        var frame = Frame(message.To, FrameKind.Raft);
        var start = frame.Length;
        MessageCodec.Write(frame, group, message);
        Fit(message.To, FrameKind.Raft, frame, start);
    }

    public void AddForward(ulong peer, uint group, ulong request, ReadOnlySpan<byte> command)
    {
        var frame = Frame(peer, FrameKind.Forward);
        var start = frame.Length;
        ForwardCodec.WriteRequest(frame, group, request, command);
        Fit(peer, FrameKind.Forward, frame, start);
    }

    /// <summary>Answers a forwarded write. A result for which there is no room on the way is left out, and its caller told so at once: a frame that is dropped would leave it waiting until its deadline.</summary>
    public void AddAnswer(ulong peer, uint group, ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result)
    {
        if (!HasRoom(peer, ForwardCodec.Overhead + result.Length))
        {
            Sometimes.Reached(Sometimes.ResultDropped);
            answer = ForwardAnswer.ResultDropped;
            result = [];
        }

        var frame = Frame(peer, FrameKind.ForwardAnswer);
        var start = frame.Length;
        ForwardCodec.WriteAnswer(frame, group, request, answer, result);
        Fit(peer, FrameKind.ForwardAnswer, frame, start);
    }

    /// <summary>Says what this node's wall clock shows, milliseconds since the Unix epoch: <see cref="ClockExchange"/>.</summary>
    public void AddClock(ulong peer, long unixMilliseconds)
    {
        var frame = Frame(peer, FrameKind.Clock);
        var item = frame.GetSpan(16);
        BinaryPrimitives.WriteUInt32LittleEndian(item, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(item[4..], 0);
        BinaryPrimitives.WriteInt64LittleEndian(item[8..], unixMilliseconds);
        frame.Advance(16);
    }

    /// <summary>Sends everything collected. Frames that cannot be sent are lost, as on any network.</summary>
    public void Flush()
    {
        foreach (var peer in _peers)
        {
            foreach (var full in peer.Full)
                _transport.Send(peer.Number, full);
            peer.Full.Clear();
            for (var kind = 0; kind < peer.Open.Length; kind++)
            {
                if (peer.Open[kind] is not { } frame)
                    continue;
                peer.Open[kind] = null;
                if (frame.Length > 1)
                    _transport.Send(peer.Number, frame);
                else
                    frame.Dispose();
            }
        }
    }

    private bool HasRoom(ulong peer, int length) =>
        length < _transport.MaxFrameBytes && (length <= SmallAnswer || length <= _transport.FreeBytes(peer) - Peer(peer).Collected);

    /// <summary>An item that made its frame too long moves to a frame of its own.</summary>
    private void Fit(ulong number, FrameKind kind, PooledBuffer frame, int start)
    {
        if (frame.Length <= _transport.MaxFrameBytes)
            return;
        Sometimes.Reached(Sometimes.FrameSplit);
        var item = frame.Span[start..];
        if (start == 1 || item.Length >= _transport.MaxFrameBytes)
        {
            // Lost, as on any network. Whatever can come to be so long is refused before it gets here.
            LogItemTooLong(kind, item.Length, number, _transport.MaxFrameBytes);
            frame.SetLength(start);
            return;
        }

        var peer = Peer(number);
        var next = NewFrame(kind);
        next.Write(item);
        frame.SetLength(start);
        peer.Full.Add(frame);
        peer.Open[(int)kind] = next;
    }

    private PooledBuffer Frame(ulong number, FrameKind kind)
    {
        var peer = Peer(number);
        if (peer.Open[(int)kind] is { } open)
        {
            if (open.Length < FullBytes)
                return open;
            peer.Full.Add(open);
        }

        return peer.Open[(int)kind] = NewFrame(kind);
    }

    private static PooledBuffer NewFrame(FrameKind kind)
    {
        var frame = new PooledBuffer(1024);
        frame.Write([(byte)kind]);
        return frame;
    }

    private PeerFrames Peer(ulong number)
    {
        foreach (var peer in _peers)
        {
            if (peer.Number == number)
                return peer;
        }

        var added = new PeerFrames(number);
        _peers.Add(added);
        return added;
    }

    private sealed class PeerFrames(ulong number)
    {
        public ulong Number => number;

        public PooledBuffer?[] Open { get; } = new PooledBuffer?[4];

        public List<PooledBuffer> Full { get; } = [];

        /// <summary>Bytes not yet handed to the transport.</summary>
        public long Collected => Full.Sum(f => (long)f.Length) + Open.Sum(f => (long)(f?.Length ?? 0));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "an item of kind {kind} and {length} bytes for node {peer} does not fit a frame of {limit} bytes and is dropped")]
    private partial void LogItemTooLong(FrameKind kind, int length, ulong peer, int limit);
}
