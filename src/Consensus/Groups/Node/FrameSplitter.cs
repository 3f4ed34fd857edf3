using System.Buffers.Binary;
using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Groups.Node;

/// <summary>
/// Deals the items of a frame out to a node's shards. Every item of every frame kind begins with u32 length and u32 group, so this reads no more than that.
/// A frame of one shard only, as a large one mostly is, is handed on as it is.
/// </summary>
internal static class FrameSplitter
{
    /// <summary>Takes ownership of <paramref name="frame"/>; what is cut off at its end is dropped, as the shard would.</summary>
    public static void Split(PooledBuffer frame, int shards, Action<int, PooledBuffer> deliver)
    {
        // How much is each shard's, first: parts of the frame's own length would cost it over again for every shard.
        var lengths = new int[shards];
        var whole = 1;
        for (var rest = frame.Span[1..]; TryTake(ref rest, shards, out var shard, out var item); whole += item.Length)
            lengths[shard] += item.Length;
        if (lengths.AsSpan().IndexOf(whole - 1) is >= 0 and var only)
        {
            if (whole == 1)
            {
                frame.Dispose();
                return;
            }

            frame.SetLength(whole);
            deliver(only, frame);
            return;
        }

        var parts = new PooledBuffer?[shards];
        for (var rest = frame.Span[1..]; TryTake(ref rest, shards, out var shard, out var item);)
        {
            var part = parts[shard];
            if (part is null)
            {
                part = new PooledBuffer(1 + lengths[shard]);
                part.Write(frame.Span[..1]);
                parts[shard] = part;
            }

            part.Write(item);
        }

        frame.Dispose();
        for (var i = 0; i < shards; i++)
        {
            if (parts[i] is { } part)
                deliver(i, part);
        }
    }

    private static bool TryTake(ref ReadOnlySpan<byte> rest, int shards, out int shard, out ReadOnlySpan<byte> item)
    {
        shard = 0;
        item = default;
        if (rest.Length < 8)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        if (length < 4 || length > rest.Length - 4)
            return false;
        shard = GroupDirectory.ShardOf(BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]), shards);
        item = rest[..(4 + (int)length)];
        rest = rest[item.Length..];
        return true;
    }
}
