using RaftKv.Consensus.Groups.Replicas;
using RaftKv.Consensus.Groups.Requests;
using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups.Shards;

/// <summary>
/// Hands the items of a peer's frame to the replicas that they are for. What is for a group that this shard does not have is passed over.
/// Invariant: a frame is kept until the end of the turn: entries and chunks lie in it.
/// </summary>
internal sealed class FrameDispatch(Shard shard)
{
    private readonly List<PooledBuffer> _frames = [];

    /// <summary>Takes a frame, which is its own from then on. False when it is not readable: what stood before that was taken.</summary>
    public bool Take(ulong peer, PooledBuffer frame)
    {
        _frames.Add(frame);
        return (FrameKind)frame.Span[0] switch
        {
            FrameKind.Raft => TakeMessages(peer, frame.Memory[1..]),
            FrameKind.Forward => TakeForwards(peer, frame.Span[1..]),
            FrameKind.ForwardAnswer => TakeAnswers(frame.Span[1..]),
            FrameKind.Clock => shard.Clocks.TakeReports(peer, frame.Span[1..], shard.Now),
            _ => false,
        };
    }

    /// <summary>The turn is over: nothing lies in the frames any more that anybody needs.</summary>
    public void Release()
    {
        foreach (var frame in _frames)
            frame.Dispose();
        _frames.Clear();
    }

    private bool TakeMessages(ulong peer, ReadOnlyMemory<byte> messages)
    {
        for (var position = 0; position < messages.Length;)
        {
            if (!MessageCodec.TryRead(messages, ref position, out var group, out var message) || message is null || message.From != peer)
                return false;
            if (shard.Replica(group) is not { } replica)
                continue;
            replica.OnMessage(message);
            shard.Touch(replica);
        }

        return true;
    }

    private bool TakeForwards(ulong peer, ReadOnlySpan<byte> items)
    {
        while (!items.IsEmpty)
        {
            if (!ForwardCodec.TryReadRequest(ref items, out var group, out var request, out var command))
                return false;
            if (shard.Replica(group) is not { } replica)
                continue;
            replica.PeerRequests.OnForwarded(peer, request, command);
            shard.Touch(replica);
        }

        return true;
    }

    private bool TakeAnswers(ReadOnlySpan<byte> items)
    {
        while (!items.IsEmpty)
        {
            if (!ForwardCodec.TryReadAnswer(ref items, out var group, out var request, out var answer, out var result))
                return false;
            if (shard.Replica(group) is not { } replica)
                continue;
            replica.OnForwardAnswer(request, answer, result);
            shard.Touch(replica);
        }

        return true;
    }
}
