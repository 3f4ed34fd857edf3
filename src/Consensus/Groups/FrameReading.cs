using RaftKv.Consensus.Raft.Messages;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups;

/// <summary>Hands the items of a peer's frame to the replicas that they are for. What is for a group that this shard does not have is passed over.</summary>
internal static class FrameReading
{
    /// <summary>False when the frame is not readable: what stood before that was taken.</summary>
    public static bool Take(Shard shard, ulong peer, PooledBuffer frame) => (FrameKind)frame.Span[0] switch
    {
        FrameKind.Raft => TakeMessages(shard, peer, frame.Memory[1..]),
        FrameKind.Forward => TakeForwards(shard, peer, frame.Span[1..]),
        FrameKind.ForwardAnswer => TakeAnswers(shard, frame.Span[1..]),
        FrameKind.Clock => shard.Clocks.TakeReports(peer, frame.Span[1..], shard.Now),
        _ => false,
    };

    private static bool TakeMessages(Shard shard, ulong peer, ReadOnlyMemory<byte> messages)
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

    private static bool TakeForwards(Shard shard, ulong peer, ReadOnlySpan<byte> items)
    {
        while (!items.IsEmpty)
        {
            if (!ForwardCodec.TryReadRequest(ref items, out var group, out var request, out var command))
                return false;
            if (shard.Replica(group) is not { } replica)
                continue;
            replica.OnForwarded(peer, request, command);
            shard.Touch(replica);
        }

        return true;
    }

    private static bool TakeAnswers(Shard shard, ReadOnlySpan<byte> items)
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
