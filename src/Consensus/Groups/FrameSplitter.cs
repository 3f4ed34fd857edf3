using System.Buffers.Binary;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups;

/// <summary>
/// Deals the items of a frame out to a node's shards. Every item of every frame kind begins with u32 length and u32 group, so this reads no more than that.
/// </summary>
internal static class FrameSplitter
{
    /// <summary>Takes ownership of <paramref name="frame"/>; what is cut off at its end is dropped, as the shard would.</summary>
    public static void Split(PooledBuffer frame, int shards, Action<int, PooledBuffer> deliver)
    {
        var parts = new PooledBuffer?[shards];
        var kind = frame.Span[0];
        var items = frame.Span[1..];
        while (items.Length >= 8)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(items);
            if (length < 4 || length > items.Length - 4)
                break;
            var shard = (int)(BinaryPrimitives.ReadUInt32LittleEndian(items[4..]) % (uint)shards);
            var part = parts[shard];
            if (part is null)
            {
                part = new PooledBuffer(frame.Length);
                part.Write([kind]);
                parts[shard] = part;
            }

            part.Write(items[..(4 + (int)length)]);
            items = items[(4 + (int)length)..];
        }

        frame.Dispose();
        for (var i = 0; i < shards; i++)
        {
            if (parts[i] is { } part)
                deliver(i, part);
        }
    }
}
