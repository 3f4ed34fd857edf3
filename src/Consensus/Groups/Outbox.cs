using RaftKv.Consensus.Raft.Messages;
using RaftKv.Consensus.Transport;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups;

/// <summary>What a frame between nodes carries. First byte of the frame's payload; numbers are never changed.</summary>
internal enum FrameKind : byte
{
    /// <summary>Raft messages of any groups.</summary>
    Raft = 0,

    /// <summary>Writes that a follower's callers made, for the leader.</summary>
    Forward = 1,

    /// <summary>Answers to forwarded writes.</summary>
    ForwardAnswer = 2,
}

/// <summary>
/// Collects what a shard's turn has to say to each peer: one frame per peer and kind and turn, all groups together. This is where heartbeats are coalesced.
/// </summary>
internal sealed class Outbox
{
    /// <summary>A frame that has grown to this takes no further item, so that a turn with many large entries makes several frames of bearable size.</summary>
    private const int FullBytes = 1 << 20;

    private readonly ITransport _transport;
    private readonly List<PeerFrames> _peers = [];

    public Outbox(ITransport transport) => _transport = transport;

    public void Add(uint group, Message message) => MessageCodec.Write(Frame(message.To, FrameKind.Raft), group, message);

    public void AddForward(ulong peer, uint group, ulong request, ReadOnlySpan<byte> command) =>
        ForwardCodec.WriteRequest(Frame(peer, FrameKind.Forward), group, request, command);

    public void AddAnswer(ulong peer, uint group, ulong request, ForwardAnswer answer, ReadOnlySpan<byte> result) =>
        ForwardCodec.WriteAnswer(Frame(peer, FrameKind.ForwardAnswer), group, request, answer, result);

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
                _transport.Send(peer.Number, frame);
            }
        }
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

        var frame = new PooledBuffer(1024);
        frame.Write([(byte)kind]);
        peer.Open[(int)kind] = frame;
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

        public PooledBuffer?[] Open { get; } = new PooledBuffer?[3];

        public List<PooledBuffer> Full { get; } = [];
    }
}
